import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline/promises";
import { isError, JobStoreError } from "../errors.js";
import { type CommandLine, checkCommand, readCommandLine } from "./arguments.js";
import type { Command, PlainCommand } from "./command.js";
import { deleteJobs, retry, setStatus } from "./commands/change.js";
import { dashboard } from "./commands/dashboard.js";
import { deadLetters } from "./commands/dead-letters.js";
import { exportJobs, importJobs } from "./commands/import-export.js";
import { activity, audit, counts, explain as explainJob, get, health, watch } from "./commands/inspect.js";
import { list } from "./commands/list.js";
import { outbox } from "./commands/outbox.js";
import { pause, paused, resume, workers } from "./commands/queues.js";
import { open } from "./open.js";
import { createOutput, plain } from "./output.js";
import { EXIT, USAGE, UsageError } from "./usage.js";

const COMMANDS: Readonly<Record<string, Command | PlainCommand>> = {
  list,
  get,
  explain: explainJob,
  counts,
  activity,
  watch,
  health,
  audit,
  retry,
  "set-status": setStatus,
  delete: deleteJobs,
  outbox,
  "dead-letters": deadLetters,
  pause,
  resume,
  paused,
  workers,
  dashboard,
  export: exportJobs,
  import: importJobs,
};

/** Part of a process that a command uses. */
export type Terminal = Pick<NodeJS.Process, "stdin" | "stdout" | "stderr" | "env" | "on" | "off">;

/** @returns the exit code */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const { stdout, stderr } = terminal;
  const stop = new AbortController();
  // The reader of the output can close it early: `job-store list | head -1`.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    stop.abort();
  });
  try {
    const line = readCommandLine(args);
    if (line.options.version === true) {
      stdout.write(`${packageVersion()}\n`);
      return EXIT.done;
    }
    if (line.options.help === true || line.command === null || line.command === "help") {
      stdout.write(USAGE);
      return line.command === null && line.options.help !== true ? EXIT.usage : EXIT.done;
    }
    return await runCommand(line, terminal, stop);
  } catch (error) {
    const [message, code] = explain(error);
    stderr.write(`job-store: ${plain(message)}\n`);
    return code;
  }
}

/** Returns the version of this package. */
function packageVersion(): string {
  return createRequire(import.meta.url)("@subtitles/job-store/package.json").version;
}

async function runCommand(line: CommandLine, terminal: Terminal, stop: AbortController): Promise<number> {
  const { options, operands } = line;
  const command = Object.hasOwn(COMMANDS, line.command ?? "") ? COMMANDS[line.command ?? ""] : undefined;
  if (command === undefined) throw new UsageError(`Unknown command "${line.command}". See job-store --help.`);
  checkCommand(line, command);
  if (options.output !== undefined && options.output !== "table" && options.output !== "json") {
    throw new UsageError("--output must be table or json.");
  }
  command.check?.(options, operands);
  const json = options.output === undefined ? terminal.stdout.isTTY !== true : options.output === "json";
  const output = createOutput(
    json,
    (text) => void terminal.stdout.write(text),
    (text) => void terminal.stderr.write(text),
  );

  const onSignal = () => stop.abort();
  terminal.on("SIGINT", onSignal);
  terminal.on("SIGTERM", onSignal);
  try {
    const { stdin, env } = terminal;
    const confirm = (question: string) => ask(question, options.yes === true, terminal);
    const context = { options, operands, output, confirm, stdin, env, signal: stop.signal };
    if ("runPlain" in command) return await command.runPlain(context);
    await using opened = await open(options, env);
    return await command.run({ ...opened, ...context });
  } finally {
    terminal.off("SIGINT", onSignal);
    terminal.off("SIGTERM", onSignal);
  }
}

/** Asks a question. @throws UsageError if the input is not a terminal */
async function ask(question: string, yes: boolean, { stdin, stderr }: Terminal): Promise<boolean> {
  if (yes) return true;
  if (stdin.isTTY !== true)
    throw new UsageError(`${question} Confirmation is needed, but the input is not a terminal. Add --yes.`);
  const dialog = createInterface({ input: stdin, output: stderr });
  // Ctrl-C and Ctrl-D close the dialog without an answer, and `question` would never resolve.
  const noAnswer = once(dialog, "close").then(() => "");
  const answer = await Promise.race([dialog.question(`${plain(question)} [y/N] `).catch(() => ""), noAnswer]);
  dialog.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Returns the message and the exit code for an error. */
function explain(error: unknown): readonly [message: string, code: number] {
  if (error instanceof UsageError) return [error.message, EXIT.usage];
  if (JobStoreError.is(error)) {
    if (error.code === "UNAVAILABLE" || error.code === "CLOSED") return [error.message, EXIT.unavailable];
    return [error.message, error.code === "INVALID_ARGUMENT" ? EXIT.usage : EXIT.rejected];
  }
  return [isError(error) ? error.message : String(error), EXIT.unavailable];
}
