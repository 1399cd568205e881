import { parseArgs } from "node:util";
import { UsageError } from "./usage.js";

const OPTIONS = {
  url: { type: "string" },
  cluster: { type: "string" },
  sentinels: { type: "string" },
  name: { type: "string" },
  prefix: { type: "string" },
  timeout: { type: "string" },
  output: { type: "string" },
  yes: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
  status: { type: "string" },
  limit: { type: "string" },
  all: { type: "boolean" },
  cursor: { type: "string" },
  oldest: { type: "boolean" },
  where: { type: "string" },
  to: { type: "string" },
  force: { type: "boolean" },
  repair: { type: "boolean" },
  queue: { type: "string" },
  payload: { type: "string" },
  "no-message": { type: "boolean" },
  note: { type: "string" },
  by: { type: "string" },
  rejected: { type: "boolean" },
} as const;

export type Options = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

/** Options that every command takes. */
const COMMON = ["url", "cluster", "sentinels", "name", "prefix", "timeout", "output", "yes", "help", "version"];

export interface CommandLine {
  /** null: none was given. */
  readonly command: string | null;
  readonly operands: readonly string[];
  readonly options: Options;
}

/** @throws UsageError */
export function readCommandLine(args: readonly string[]): CommandLine {
  const config = { args: [...args], options: OPTIONS, allowPositionals: true };
  checkNames(config);
  try {
    const { values, positionals } = parseArgs(config);
    const [command = null, ...operands] = positionals;
    return { command, operands, options: values };
  } catch (error) {
    // Its messages name the option and say what it wants.
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @throws UsageError for an option that no command takes */
function checkNames(config: NonNullable<Parameters<typeof parseArgs>[0]>): void {
  for (const token of parseArgs({ ...config, strict: false, tokens: true }).tokens) {
    if (token.kind !== "option" || Object.hasOwn(OPTIONS, token.name)) continue;
    const meant = Object.keys(OPTIONS).find((name) => isTypo(token.name, name));
    const hint = meant === undefined ? "See job-store --help." : `Did you mean --${meant}?`;
    throw new UsageError(`Unknown option ${token.rawName}. ${hint}`);
  }
}

/** Whether one letter is missing, too many, another or in its neighbour's place. */
function isTypo(typed: string, name: string): boolean {
  const shortened = (word: string) => [word, ...[...word].map((_, n) => word.slice(0, n) + word.slice(n + 1))];
  const near = new Set(shortened(name));
  return shortened(typed).some((word) => near.has(word));
}

/** Refuses what a command does not understand. @throws UsageError */
export function checkCommand(
  { command, operands, options }: CommandLine,
  accepts: { readonly options: readonly string[]; readonly operands: readonly [least: number, most: number] },
): void {
  const stranger = Object.keys(options).find((name) => !COMMON.includes(name) && !accepts.options.includes(name));
  if (stranger !== undefined) throw new UsageError(`${command} takes no --${stranger}.`);
  const [least, most] = accepts.operands;
  if (operands.length < least)
    throw new UsageError(`${command} needs ${least === 1 ? "a job's id" : `${least} words`}.`);
  if (operands.length > most) throw new UsageError(`${command} does not take "${operands[most]}".`);
}

/** The words of "a,b". */
export function listOf(text: string | undefined): readonly string[] | undefined {
  return text?.split(",").filter((word) => word !== "");
}

/** @throws UsageError */
export function integerOption(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} must be a whole number.`);
  return Number(text);
}

/** Addresses as "host:port,host:port". @throws UsageError */
export function addresses(text: string, name: string): readonly { readonly host: string; readonly port: number }[] {
  return text.split(",").map((address) => {
    const [, host, port] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
    if (host === undefined) throw new UsageError(`--${name} must be host:port, or several with commas between.`);
    return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  });
}
