import type { RedisCommander } from "ioredis";
import { type Client, type PipelineCommand, runPipeline } from "./connection.js";
import type { Keys } from "./keys.js";
import { codeIn, explain, isDenial, isUnknownCommand, REFUSES_WRITES, reasonOf } from "./redis-errors.js";
import { evaluate, scripts } from "./scripts.js";

/** Places of the keys in what follows. */
const at = {
  job: 1,
  map: 2,
  statuses: 3,
  creations: 4,
  fields: 5,
  values: 6,
  evenTombstones: 7,
  oddTombstones: 8,
  events: 9,
  outbox: 10,
  outboxClaims: 11,
  outboxClaimed: 12,
  outboxReader: 13,
  outboxRejected: 14,
  outboxRejectedEntries: 15,
  probe: 16,
} as const satisfies Record<keyof Keys, number>;

/** Keys of which there are many: one that none can be, and that reads in a message like the pattern of them all. */
function keysTried(keys: Keys): readonly string[] {
  return Object.keys(at).map((name) => {
    const key = keys[name as keyof Keys];
    return typeof key === "function" ? key("*") : key;
  });
}

type Attempt = readonly [command: string, ...args: (string | number)[]];

/** An index: read, written and cleared. Only a member that is there would be changed by XX. */
const sortedSet = (key: number): readonly Attempt[] => [
  ["zadd", key, "XX", "0", "*"],
  ["zrem", key, "*"],
  ["zscore", key, "*"],
  ["zcount", key, "0", "0"],
  ["zrange", key, "0", "0"],
  ["zrangebyscore", key, "0", "0", "LIMIT", "0", "1"],
];

/** SADD cannot be tried without a change, so another write shows that the key may be written. */
const set = (key: number): readonly Attempt[] => [
  ["sismember", key, "*"],
  ["pexpireat", key, "no number"],
];

/** No entry can have the id 0-0. */
const stream = (key: number): readonly Attempt[] => [
  ["xadd", key, "NOMKSTREAM", "0-0", "*", "*"],
  ["xdel", key, "0-0"],
  ["xrange", key, "0-0", "0-0"],
  ["xlen", key],
  ["xtrim", key, "MINID", "0"],
  ["xread", "COUNT", "1", "STREAMS", key, "$"],
];

/**
 * Every command that the driver runs, on every kind of key that it runs it on, in a form by which nothing changes: on
 * members that are not there, or with arguments that the command refuses once the server has let it through. Only the
 * key that is there for it is written, since a write is not tried by anything less.
 */
const ATTEMPTS: readonly Attempt[] = [
  ["time"],
  ["set", at.probe, "1", "PX", "1000"],
  ["del", at.job],
  ["get", at.job],
  ["strlen", at.job],
  ["set", at.job, "", "PXAT", "0"],
  ["mget", at.job],
  ["msetnx", at.job, "", at.job],
  ["getrange", at.job, "0", "0"],
  ["setrange", at.job, "-1", ""],
  ["pexpireat", at.job, "no number"],
  ["exists", at.job],
  ["type", at.job],
  ["hget", at.map, "edition"],
  ["hmget", at.map, "edition"],
  ["hgetall", at.map],
  ["hset", at.map, "a field without value", "", ""],
  ["hincrby", at.map, "events", "no number"],
  ...sortedSet(at.statuses),
  ...sortedSet(at.creations),
  ...sortedSet(at.fields),
  ["hget", at.values, "*"],
  ["hset", at.values, "a field without value", "", ""],
  ["hdel", at.values, "*"],
  // Always refused, because the key is a string now.
  ["sadd", at.probe, "*"],
  ...set(at.evenTombstones),
  ...set(at.oddTombstones),
  ...stream(at.events),
  ...stream(at.outbox),
  ...sortedSet(at.outboxClaims),
  ["get", at.outboxClaimed],
  ["set", at.outboxClaimed, "", "PXAT", "0"],
  ["get", at.outboxReader],
  ["set", at.outboxReader, "", "PXAT", "0"],
  ...sortedSet(at.outboxRejected),
  ["hget", at.outboxRejectedEntries, "*"],
  ["hmget", at.outboxRejectedEntries, "*"],
  ["hstrlen", at.outboxRejectedEntries, "*"],
  ["hset", at.outboxRejectedEntries, "a field without value", "", ""],
  ["hdel", at.outboxRejectedEntries, "*"],
];

/** What an audit runs besides. */
const AUDIT_ATTEMPTS: readonly Attempt[] = [
  ["scan", "0", "COUNT", "1"],
  ["pttl", at.job],
  ["persist", at.job],
  ["zmscore", at.statuses, "*"],
  ["zmscore", at.creations, "*"],
  ["zmscore", at.fields, "*"],
  ["hmget", at.values, "*"],
  ["zscan", at.statuses, "0", "COUNT", "1"],
  ["zscan", at.creations, "0", "COUNT", "1"],
  ["zscan", at.fields, "0", "COUNT", "1"],
  ["hscan", at.values, "0", "COUNT", "1"],
];

/** Commands for loading scripts, which a script cannot run itself. What is loaded is the text of no other script. */
const SCRIPT_ATTEMPTS: ReadonlyMap<string, PipelineCommand> = new Map([
  ["script|exists", ["script", "EXISTS", "0".repeat(40)]],
  ["script|load", ["script", "LOAD", "return 1"]],
]);

/** What can be tried: everything that calls need, or that and what an audit needs. */
const TRIALS = { calls: ATTEMPTS, audit: [...ATTEMPTS, ...AUDIT_ATTEMPTS] } as const;
export type Trial = keyof typeof TRIALS;

function commandsOf(attempts: readonly Attempt[]): readonly string[] {
  const ownCommands = ["eval", "evalsha", ...SCRIPT_ATTEMPTS.keys()];
  return [...new Set([...ownCommands, ...attempts.map(([command]) => command)])].sort();
}

/** The commands of the driver, in the order of the alphabet. */
export const COMMANDS = commandsOf(ATTEMPTS);
/** Those of an audit are among them. */
export const AUDIT_COMMANDS = commandsOf(TRIALS.audit);

/** What came out. The server's word for it is given where it was only one. */
export interface Findings {
  /** Commands that the server does not have. */
  readonly unknown: readonly string[];
  /** Commands that the user may not run. */
  readonly commands: readonly string[];
  /** Keys that the user may not use, or not in each way. */
  readonly keys: readonly string[];
  /** Keys that hold something else than the driver would have written. */
  readonly foreign: readonly string[];
  /** Why the server takes no writes at present; null: it does. */
  readonly refusal: string | null;
}

/**
 * Tries everything that the driver will do, in one round trip. Scripts do not roll back: a permission that turns out to
 * be missing in the midst of one would leave a job half-written. So it is found out here, before the first is run.
 *
 * @throws what ioredis throws, other than for a missing permission or an unknown command
 */
export async function tryEverything(client: Client, keys: Keys, trial: Trial = "calls"): Promise<Findings> {
  const [findings, ofScripts] = await Promise.all([tryCommands(client, keys, trial), tryScriptCommands(client, keys)]);
  return {
    ...findings,
    unknown: [...findings.unknown, ...ofScripts.unknown],
    commands: [...findings.commands, ...ofScripts.commands],
  };
}

/** Tries the commands for loading scripts. */
async function tryScriptCommands(client: Client, keys: Keys): Promise<Pick<Findings, "unknown" | "commands">> {
  // The key selects the server of a cluster.
  const [, ...replies] = await runPipeline(client, [["exists", keys.map], ...SCRIPT_ATTEMPTS.values()]);
  const failed = (isKind: (words: string) => boolean) =>
    [...SCRIPT_ATTEMPTS.keys()].filter((_, n) => {
      const reply = replies[n];
      return reply !== undefined && "error" in reply && isKind(reasonOf(reply.error));
    });
  return { unknown: failed(isUnknownCommand), commands: failed(isDenial) };
}

async function tryCommands(client: RedisCommander, keys: Keys, trial: Trial): Promise<Findings> {
  const names = keysTried(keys);
  const attempts = TRIALS[trial];
  try {
    const reply = (await evaluate(client, scripts.probe, names, [JSON.stringify(attempts)])) as readonly unknown[];
    return findingsIn(reply.slice(1), attempts, keys);
  } catch (error) {
    const words = reasonOf(error);
    if (isUnknownCommand(words)) return { ...NOTHING_FOUND, unknown: [commandIn(words)] };
    if (!isDenial(words)) throw error;
    return deniedAtOnce(client, words, names);
  }
}

const NOTHING_FOUND: Findings = { unknown: [], commands: [], keys: [], foreign: [], refusal: null };

/** Returns the command in an error. Without one it is that of a script, because the probe runs nothing else. */
function commandIn(words: string): string {
  return /'(\w+)/.exec(words)?.[1] ?? "evalsha";
}

/** Places and words in turn. */
function findingsIn(refusals: readonly unknown[], attempts: readonly Attempt[], keys: Keys): Findings {
  const names = keysTried(keys);
  const unknown = new Set<string>();
  const commands = new Set<string>();
  const denied = new Set<string>();
  const foreign = new Set<string>();
  let refusal: string | null = null;
  for (let n = 0; n < refusals.length; n += 2) {
    const [command = "", ...args] = attempts[Number(refusals[n]) - 1] ?? [];
    const key = names[Number(args.find((arg) => typeof arg === "number")) - 1] ?? "";
    const words = String(refusals[n + 1]);
    if (isDenial(words)) {
      if (isAboutKeys(words)) denied.add(key);
      else commands.add(command);
    } else if (isUnknownCommand(words)) {
      unknown.add(command);
    } else if (words.includes("WRONGTYPE")) {
      if (key !== keys.probe) foreign.add(key);
    } else if (REFUSES_WRITES.has(codeIn(words))) {
      refusal ??= explain(words);
    }
    // Anything else is an attempt's own arguments refused, as they should be.
  }
  return { unknown: [...unknown], commands: [...commands], keys: [...denied], foreign: [...foreign], refusal };
}

/** The script itself may not be run, or not with one of its keys; the server does not say with which. */
async function deniedAtOnce(client: RedisCommander, words: string, names: readonly string[]): Promise<Findings> {
  if (!isAboutKeys(words)) return { ...NOTHING_FOUND, commands: [commandIn(words)] };
  const denied: string[] = [];
  for (const name of names) {
    try {
      await evaluate(client, scripts.probe, [name], ["[]"]);
    } catch (error) {
      if (!isDenial(reasonOf(error))) throw error;
      denied.push(name);
    }
  }
  return { ...NOTHING_FOUND, keys: denied };
}

function isAboutKeys(denial: string): boolean {
  return /\baccess\b/.test(denial);
}
