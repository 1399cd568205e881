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
  kind: { type: "string" },
  job: { type: "string" },
  until: { type: "string" },
  for: { type: "string" },
  reason: { type: "string" },
  host: { type: "string" },
  port: { type: "string" },
  "read-only": { type: "boolean" },
  title: { type: "string" },
  color: { type: "string" },
  "token-file": { type: "string" },
  "amqp-url": { type: "string" },
  "amqp-prefix": { type: "string" },
} as const;

export type Options = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

/** Options of every command. */
const COMMON = ["url", "cluster", "sentinels", "name", "prefix", "timeout", "output", "yes", "help", "version"];

export interface CommandLine {
  /** Name of the command. null: none was given. */
  readonly command: string | null;
  readonly operands: readonly string[];
  readonly options: Options;
}

/** Parses the command line. @throws UsageError */
export function readCommandLine(args: readonly string[]): CommandLine {
  const config = { args: [...args], options: OPTIONS, allowPositionals: true };
  checkNames(config);
  try {
    const { values, positionals } = parseArgs(config);
    const [command = null, ...operands] = positionals;
    return { command, operands, options: values };
  } catch (error) {
    // The message of Node names the option and the problem.
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Checks that every option exists, and that none is repeated: the first value would be ignored. @throws UsageError */
function checkNames(config: NonNullable<Parameters<typeof parseArgs>[0]>): void {
  const given = new Set<string>();
  for (const token of parseArgs({ ...config, strict: false, tokens: true }).tokens) {
    if (token.kind !== "option") continue;
    if (Object.hasOwn(OPTIONS, token.name)) {
      if (given.has(token.name)) {
        throw new UsageError(
          `${token.rawName} is given twice. Separate several values with commas, if it accepts several.`,
        );
      }
      given.add(token.name);
      continue;
    }
    const similar = Object.keys(OPTIONS).find((name) => isTypo(token.name, name));
    const hint = similar === undefined ? "See job-store --help." : `Did you mean --${similar}?`;
    throw new UsageError(`Unknown option ${token.rawName}. ${hint}`);
  }
}

/** Returns true if one letter is missing, additional or different, or if two neighbouring letters are swapped. */
function isTypo(typed: string, name: string): boolean {
  const shortened = (word: string) => [word, ...[...word].map((_, n) => word.slice(0, n) + word.slice(n + 1))];
  const near = new Set(shortened(name));
  return shortened(typed).some((word) => near.has(word));
}

/** Checks the options and the number of operands of a command. @throws UsageError */
export function checkCommand(
  { command, operands, options }: CommandLine,
  accepts: {
    readonly options: readonly string[];
    readonly operands: readonly [min: number, max: number];
    readonly usage: string;
  },
): void {
  const unknown = Object.keys(options).find((name) => !COMMON.includes(name) && !accepts.options.includes(name));
  if (unknown !== undefined) throw new UsageError(`${command} does not support --${unknown}. See job-store --help.`);
  const [min, max] = accepts.operands;
  if (operands.length < min) throw new UsageError(`Usage: job-store ${accepts.usage}`);
  if (operands.length > max) throw new UsageError(`Unexpected "${operands[max]}". Usage: job-store ${accepts.usage}`);
}

/** Splits "a,b" at its commas. */
export function listOf(text: string | undefined): readonly string[] | undefined {
  return text?.split(",").filter((word) => word !== "");
}

/** Parses the filter by an index field. @throws UsageError */
export function whereOf(text: string | undefined): Readonly<Record<string, string>> | undefined {
  if (text === undefined) return undefined;
  const [, field, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (field === undefined || value === undefined) throw new UsageError("--where must be <field>=<value>.");
  return { [field]: value };
}

/** Parses the value of an option, or returns the default. @throws UsageError */
export function integerOption(text: string | undefined, name: string, defaultValue: number): number {
  if (text === undefined) return defaultValue;
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(`--${name} must be an integer of at most 9 digits (got "${text}").`);
  return Number(text);
}

/** Returns the maximum number of jobs or messages to list. @throws UsageError */
export function limitOf({ limit: given, all }: Options): number {
  if (all === true && given !== undefined) throw new UsageError("--all and --limit cannot be combined.");
  if (all === true) return Number.POSITIVE_INFINITY;
  const limit = integerOption(given, "limit", 50);
  if (limit < 1) throw new UsageError("--limit must be 1 or more.");
  return limit;
}

/** Parses addresses such as "host:port,host:port". @throws UsageError */
export function addresses(text: string, name: string): readonly { readonly host: string; readonly port: number }[] {
  return text.split(",").map((address) => {
    const [, host, port] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
    if (host === undefined)
      throw new UsageError(`--${name} must be host:port, or several of them separated by commas (got "${text}").`);
    return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  });
}
