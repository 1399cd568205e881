import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanUpLater, forget } from "./clean-up.mjs";
import { isInterrupted, run, say } from "./run.mjs";
import { count, countsLine, notTried } from "./summary.mjs";

/** The last line of a test run that could not begin. */
export function nothingRan() {
  say(`\n${countsLine(count(null, 1))}`);
}

/**
 * Runs the tests. The last line is the count, whatever happens.
 *
 * @param {string[]} args for vitest
 * @returns {Promise<number>} the exit code
 */
export async function test(args) {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-test-"));
  cleanUpLater({ path: folder });
  try {
    say("Running the tests …");
    const reportFile = join(folder, "report.json");
    const { code } = await run("vitest", ["run", ...reporters(), `--outputFile.json=${reportFile}`, ...args], {
      env: { TEST_REPORT_FOLDER: folder },
    });
    const counts = count(await readJson(reportFile), code);
    if (isInterrupted()) say("\nInterrupted.");
    const servers = await readJson(join(folder, "servers.json"));
    const browser = await readJson(join(folder, "browser.json"));
    const missing = notTried({ ...servers, ...browser });
    if (missing.length > 0) {
      say(`\n${missing.join("\n")}`);
      if (process.env.CI === "true") {
        say("That is an error, since CI=true.");
        counts.failed ||= 1;
      }
    }
    say(`\n${countsLine(counts)}`);
    return counts.failed > 0 ? code || 1 : 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
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
