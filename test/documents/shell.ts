import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { runHere } from "../../packages/job-store/test/run-cli.js";
import { root } from "./documents.js";

/** What is wrong with the commands that a document shows: names of scripts, files, options. They are not run. */
export async function wrongCommands(document: string, text: string): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [, shown = ""] of text.matchAll(/^```sh\n(.*?)^```$/gms)) {
    // A value may go over several lines.
    const lines = shown.replaceAll(/'[^']*'/g, (value) => value.replaceAll("\n", " ")).split("\n");
    for (const line of lines) {
      const why = await whatIsWrong(line, join(root, dirname(document)));
      if (why !== null) wrong.push(`${document}: ${line}: ${why}`);
    }
  }
  return wrong;
}

async function whatIsWrong(line: string, folder: string): Promise<string | null> {
  const inFolder = /^\(cd (\S+) && (.*)\) &$/.exec(line);
  if (inFolder !== null) return whatIsWrong(inFolder[2] ?? "", join(folder, inFolder[1] ?? ""));
  const [command, ...args] = words(line);
  switch (command) {
    case undefined:
    case "export":
    case "redis-cli":
    case "curl":
    case "git":
    case "pnpm":
      return null;
    case "node":
      return existsSync(join(folder, args[0] ?? "")) ? null : `there is no ${args[0]}`;
    case "npm":
      return npm(args, folder);
    case "npx":
      return jobStore(args);
    case "docker":
      return existsSync(join(folder, "compose.yaml")) ? null : "there is no compose.yaml";
    default:
      // A script of the repository, by its path.
      return command.includes("/") && existsSync(join(folder, command)) ? null : "there is no such script or command";
  }
}

/** Of a command: without settings before it and a remark after it, quotes taken off. */
function words(line: string): readonly string[] {
  const command = line.replace(/(^|\s)#.*/, "").replace(/^(?:[A-Z_]+=\S+ )+/, "");
  return (command.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/, "$2"));
}

const INSTALLABLE =
  /^(--save-dev|@subtitles\/(job-store|queue)|zod|ioredis|@opentelemetry\/api|typescript|@types\/node)$/;

function npm([task = "", ...rest]: readonly string[], folder: string): string | null {
  if (task === "install") return rest.every((name) => INSTALLABLE.test(name)) ? null : "nobody knows such a package";
  if (task === "init" || task === "pkg") return null;
  const { scripts } = JSON.parse(readFileSync(join(task === "run" ? root : nearest(folder), "package.json"), "utf8"));
  const script = task === "run" ? (rest[0] ?? "") : task;
  if (scripts?.[script] === undefined) return `there is no script "${script}"`;
  const paths = script === "test" ? rest.filter((word) => word.includes("/")) : [];
  const missing = paths.flatMap(inBraces).find((path) => globSync(join(root, path)).length === 0);
  return missing === undefined ? null : `there is no ${missing}`;
}

/** The folder at or above it that has a package.json. */
function nearest(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : nearest(resolve(folder, ".."));
}

/** As a shell has it: `a{b,c}` is `ab` and `ac`. */
function inBraces(word: string): readonly string[] {
  const [, before = "", choices, after = ""] = /^(.*?)\{(.*?)\}(.*)$/.exec(word) ?? [];
  return choices === undefined ? [word] : choices.split(",").flatMap((choice) => inBraces(before + choice + after));
}

/** Whether the command line takes these arguments: it then looks for a Redis, where none is. */
async function jobStore([name, ...args]: readonly string[]): Promise<string | null> {
  if (name !== "@subtitles/job-store") return "nobody knows such a program";
  const ended = await runHere([...args, "--timeout", "10"], { REDIS_URL: "redis://127.0.0.1:1" });
  return ended.code === 3 ? null : ended.err;
}
