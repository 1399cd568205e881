import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { runHere } from "../../packages/job-store/test/run-cli.js";
import { root } from "../../scripts/dev/run.mjs";

/** Finds errors in the commands of a document: unknown scripts, files and options. Only `npx` commands are run. */
export async function wrongCommands(document: string, text: string): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [, shown = ""] of text.matchAll(/^```sh\n(.*?)^```$/gms)) {
    // A quoted value can span several lines.
    const lines = shown.replaceAll(/'[^']*'/g, (value) => value.replaceAll("\n", " ")).split("\n");
    for (const line of lines) {
      const problem = await findProblem(line, join(root, dirname(document)));
      if (problem !== null) wrong.push(`${document}: ${line}: ${problem}`);
    }
  }
  return wrong;
}

async function findProblem(line: string, folder: string): Promise<string | null> {
  const inFolder = /^\(cd (\S+) && (.*)\) &$/.exec(line);
  if (inFolder !== null) return findProblem(inFolder[2] ?? "", join(folder, inFolder[1] ?? ""));
  const [command, ...args] = words(line);
  switch (command) {
    case undefined:
    case "cd":
    case "export":
    case "redis-cli":
    case "curl":
    case "git":
    case "pnpm":
      return null;
    case "node":
      return existsSync(join(folder, args[0] ?? "")) ? null : `the file ${args[0]} does not exist`;
    case "npm":
      return npm(args, folder);
    case "npx":
      return jobStore(args);
    case "docker":
      return existsSync(join(folder, "compose.yaml")) ? null : "the file compose.yaml does not exist";
    default:
      // Path of a script of the repository.
      return command.includes("/") && existsSync(join(folder, command)) ? null : "unknown script or command";
  }
}

/** Returns the words of a command without variables, comments and quotes. */
function words(line: string): readonly string[] {
  const command = line.replace(/(^|\s)#.*/, "").replace(/^(?:[A-Z_]+=\S+ )+/, "");
  return (command.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/, "$2"));
}

const INSTALLABLE =
  /^(--save-dev|@subtitles\/(job-store|queue)|zod|ioredis|cron-parser|rate-limiter-flexible|@opentelemetry\/api|typescript|@types\/node)$/;

function npm([task = "", ...rest]: readonly string[], folder: string): string | null {
  if (task === "install")
    return rest.every((name) => INSTALLABLE.test(name)) ? null : "a package is not in the list of known packages";
  if (task === "init" || task === "pkg") return null;
  const scripts = { ...(task === "run" && scriptsOf(root)), ...scriptsOf(packageFolder(folder)) };
  const script = task === "run" ? (rest[0] ?? "") : task;
  if (scripts[script] === undefined) return `package.json has no script "${script}"`;
  const paths = script === "test" ? rest.filter((word) => word.includes("/")) : [];
  const missing = paths.flatMap(expandBraces).find((path) => globSync(join(root, path)).length === 0);
  return missing === undefined ? null : `the path ${missing} does not exist`;
}

function scriptsOf(folder: string): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).scripts ?? {};
}

/** Returns the closest folder, at or above the given one, that contains a package.json. */
function packageFolder(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : packageFolder(resolve(folder, ".."));
}

/** Expands braces like a shell: `a{b,c}` becomes `ab` and `ac`. */
function expandBraces(word: string): readonly string[] {
  const [, before = "", choices, after = ""] = /^(.*?)\{(.*?)\}(.*)$/.exec(word) ?? [];
  return choices === undefined ? [word] : choices.split(",").flatMap((choice) => expandBraces(before + choice + after));
}

/** Runs the command line with addresses without a server. Returns null if it accepts the arguments, so that only the connection fails. */
async function jobStore([name, ...args]: readonly string[]): Promise<string | null> {
  if (name !== "@subtitles/job-store") return "npx may only run @subtitles/job-store";
  const addresses = { REDIS_URL: "redis://127.0.0.1:1", RABBITMQ_URL: "amqp://127.0.0.1:1" };
  const ended = await runHere([...args, "--timeout", "10"], addresses);
  return ended.code === 3 ? null : ended.err;
}
