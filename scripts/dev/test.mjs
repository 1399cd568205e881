import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { oldestNode } from "./node-versions.mjs";
import { isInterrupted, print, root, run, toolsPath } from "./run.mjs";
import { countsLine, failed, failureLines, skippedTests, slowestLines, summarize } from "./summary.mjs";
import { findNode } from "./tools.mjs";

/** Prints the counts of a run that could not start, or threw an error: one failure. */
export function printNothingRan() {
  print(`\n${countsLine(failed("The run could not start, or threw an error."))}`);
}

/**
 * Runs the tests of the packages, the templates and the documents. The last line always contains the counts, after the names of the
 * slowest files and of the failed tests.
 *
 * @param {string[]} args `--all` also runs the tests that vitest.config.ts lists. `--node oldest` runs
 * the tests on the lowest version of Node in `engines`. vitest gets all other arguments
 * @returns {Promise<number>} the exit code
 */
export async function test(args) {
  const read = readArguments(args);
  if ("problem" in read) {
    print(read.problem);
    printNothingRan();
    return 2;
  }
  const { summary, code } = await runTests(read);
  print(["", ...slowestLines(summary), ...failureLines("Failed tests:", summary), countsLine(summary)].join("\n"));
  return summary.failures.length > 0 ? code || 1 : 0;
}

/**
 * @param {string[]} args
 * @returns {{ all: boolean, oldest: boolean, args: string[] } | { problem: string }} `args`: the arguments for vitest
 */
export function readArguments(args) {
  const others = args.filter((argument) => argument !== "--all");
  const all = others.length < args.length;
  const at = others.findIndex((argument) => /^--node(=|$)/.test(argument));
  if (at === -1) return { all, oldest: false, args: others };
  const [option = "", next] = others.splice(at, others[at] === "--node" ? 2 : 1);
  const value = option === "--node" ? next : option.slice("--node=".length);
  if (value === "oldest") return { all, oldest: true, args: others };
  return { problem: `--node must be "oldest", not ${JSON.stringify(value ?? "")}.` };
}

/**
 * Runs the tests on one version of Node. Prints the missing servers, and the missing browser.
 *
 * @param {object} options
 * @param {boolean} options.all true: runs all tests; false: without `args`, runs those of the packages, the templates and the documents
 * @param {boolean} options.oldest true: runs on the lowest version in `engines`; false: runs on the version of the tools
 * @param {string[]} [options.args] arguments for vitest
 * @param {number} [options.limitMs] time limit for vitest
 * @returns {Promise<{ summary: import("./summary.mjs").Summary, code: number }>} `code`: exit code of vitest
 */
export async function runTests({ all, oldest, args = [], limitMs }) {
  const node = oldest ? await findNode(oldestNode) : null;
  if (oldest && node === null) return { summary: failed(`Node ${oldestNode} could not be started.`), code: 1 };
  const folder = await mkdtemp(join(tmpdir(), "subtitles-test-"));
  cleanUpLater({ path: folder });
  try {
    print(`Running ${all ? "all tests" : "the tests"}${oldest ? ` on Node ${oldestNode}` : ""} …`);
    const reportFile = join(folder, "report.json");
    const command = ["run", ...reporters(), `--outputFile.json=${reportFile}`, ...args];
    // Contains the temporary folders of all tests, and is removed at the end.
    const temporary = join(folder, "tmp");
    await mkdir(temporary);
    const env = {
      // Arguments can name files outside of the default selection.
      ...(!all && args.length === 0 && { TESTS: "core" }),
      TEST_REPORT_FOLDER: folder,
      TMPDIR: temporary,
      TEMP: temporary,
      TMP: temporary,
      // PATH for tests that start a tool. The tools do not run on every Node that the packages support.
      TOOLS_PATH: toolsPath(),
    };
    const options = limitMs === undefined ? {} : { limitMs };
    const { code } =
      node === null
        ? await run("vitest", command, { env, ...options })
        : await run(node, [join(root, "node_modules/vitest/vitest.mjs"), ...command], {
            // Programs that the tests start also run on that Node.
            env: { ...env, PATH: `${dirname(node)}${delimiter}${toolsPath()}` },
            ...options,
          });
    const summary = summarize(await readJson(reportFile), code);
    if (isInterrupted()) print("\nInterrupted.");
    const servers = await readJson(join(folder, "servers.json"));
    const browser = await readJson(join(folder, "browser.json"));
    const missing = skippedTests({ ...servers, ...browser });
    if (missing.length > 0) {
      print(`\n${missing.join("\n")}`);
      if (process.env.CI === "true") {
        const reason = "With CI=true, missing servers and a missing browser are an error.";
        print(reason);
        if (summary.failures.length === 0) summary.failures.push(reason);
      }
    }
    return { summary, code };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    forget({ path: folder });
  }
}

function reporters() {
  const names = process.env.GITHUB_ACTIONS === "true" ? ["default", "github-actions", "json"] : ["default", "json"];
  return names.map((name) => `--reporter=${name}`);
}

/** @param {string} file */
async function readJson(file) {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return null;
  }
}
