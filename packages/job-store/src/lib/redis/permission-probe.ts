import type { RedisCommander } from "ioredis";
import type { Keys } from "./keys.js";
import { codeIn, explain, isDenial, isUnknownCommand, reasonOf, WRITE_REJECTIONS } from "./redis-errors.js";
import { evaluate, scripts } from "./scripts.js";

/** Positions of the keys in the list that the script gets, from 1. */
const at = {
  job: 1,
  metadata: 2,
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
  outboxScheduled: 14,
  outboxScheduledEntries: 15,
  outboxRejected: 16,
  outboxRejectedEntries: 17,
  probe: 18,
  work: 19,
  workMessages: 20,
  leases: 21,
  waits: 22,
  gaps: 23,
  timeoutsOwner: 24,
  timeoutsDeferred: 25,
  pauses: 26,
  outboxCall: 27,
  workers: 28,
  workerEnds: 29,
  consumers: 30,
  outboxPublished: 31,
  limits: 32,
  limitLists: 33,
  limitRules: 34,
} as const satisfies Record<keyof Keys, number>;

/** Returns the keys in the order of `at`. `*` is no valid id, and looks like a pattern of all keys in a message. */
function probedKeys(keys: Keys): readonly string[] {
  return Object.keys(at).map((name) => {
    const key = keys[name as keyof Keys];
    return typeof key === "function" ? key("*") : key;
  });
}

/** A command and its arguments. A number is the position of a key. */
type Probe = readonly [command: string, ...args: (string | number)[]];

/** Commands on an index. With XX, ZADD changes only members that exist. */
const sortedSet = (key: number): readonly Probe[] => [
  ["zadd", key, "XX", "0", "*"],
  ["zrem", key, "*"],
  ["zscore", key, "*"],
  ["zcount", key, "0", "0"],
  ["zrange", key, "0", "0"],
  ["zrangebyscore", key, "0", "0", "LIMIT", "0", "1"],
];

/** Commands on a set. SADD cannot run without a change, so another write shows that the key may be written. */
const set = (key: number): readonly Probe[] => [
  ["sismember", key, "*"],
  ["pexpireat", key, "no number"],
];

/** Commands on a hash of messages. */
const messages = (key: number): readonly Probe[] => [
  ["hget", key, "*"],
  ["hstrlen", key, "*"],
  ["hset", key, "a field without value", "", ""],
  ["hdel", key, "*"],
];

/** Commands on a stream. No entry can have the id 0-0. */
const stream = (key: number): readonly Probe[] => [
  ["xadd", key, "NOMKSTREAM", "0-0", "*", "*"],
  ["xdel", key, "0-0"],
  ["xrange", key, "0-0", "0-0"],
  ["xlen", key],
  ["xtrim", key, "MINID", "0"],
  ["xread", "COUNT", "1", "STREAMS", key, "$"],
];

/**
 * Every command of the driver, on every kind of key that it is used on, in a form that changes nothing: with members that do not
 * exist, or with arguments that the command rejects after the check of permissions. Only the probe key is written, because nothing
 * else shows that the server accepts writes.
 */
const PROBES: readonly Probe[] = [
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
  ["hget", at.metadata, "revision"],
  ["hmget", at.metadata, "revision"],
  ["hgetall", at.metadata],
  ["hset", at.metadata, "a field without value", "", ""],
  ["hincrby", at.metadata, "events", "no number"],
  ...sortedSet(at.statuses),
  ...sortedSet(at.creations),
  ...sortedSet(at.fields),
  ["zlexcount", at.fields, "-", "-"],
  ["hget", at.values, "*"],
  ["hset", at.values, "a field without value", "", ""],
  ["hdel", at.values, "*"],
  ["hget", at.work, "*"],
  ["hmget", at.work, "*"],
  ["hset", at.work, "a field without value", "", ""],
  ["hdel", at.work, "*"],
  ["hget", at.workMessages, "*"],
  ["hset", at.workMessages, "a field without value", "", ""],
  ["hdel", at.workMessages, "*"],
  ...sortedSet(at.leases),
  ...sortedSet(at.waits),
  ...sortedSet(at.gaps),
  ...sortedSet(at.limits),
  ["zlexcount", at.limits, "-", "-"],
  ...sortedSet(at.limitLists),
  ["hget", at.limitRules, "*"],
  ["hgetall", at.limitRules],
  ["hset", at.limitRules, "a field without value", "", ""],
  ["hget", at.pauses, "*"],
  ["hgetall", at.pauses],
  ["hset", at.pauses, "a field without value", "", ""],
  ["hdel", at.pauses, "*"],
  ["hget", at.workers, "*"],
  ["hset", at.workers, "a field without value", "", ""],
  ["hdel", at.workers, "*"],
  ...sortedSet(at.workerEnds),
  ["hgetall", at.consumers],
  ["hget", at.consumers, "*"],
  ["hset", at.consumers, "a field without value", "", ""],
  ["hdel", at.consumers, "*"],
  ["get", at.timeoutsOwner],
  ["set", at.timeoutsOwner, "", "PXAT", "0"],
  ...sortedSet(at.timeoutsDeferred),
  // Always fails, because the key is a string now.
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
  ["get", at.outboxCall],
  ["set", at.outboxCall, "", "PXAT", "0"],
  ...sortedSet(at.outboxScheduled),
  ...messages(at.outboxScheduledEntries),
  ["hincrby", at.outboxScheduledEntries, "last", "no number"],
  ...sortedSet(at.outboxRejected),
  ...messages(at.outboxRejectedEntries),
  ...sortedSet(at.outboxPublished),
];

/** Further commands of an audit. */
const AUDIT_PROBES: readonly Probe[] = [
  ["scan", "0", "COUNT", "1"],
  ["pttl", at.job],
  ["persist", at.job],
  ["zmscore", at.statuses, "*"],
  ["zmscore", at.creations, "*"],
  ["zmscore", at.fields, "*"],
  ["hmget", at.values, "*"],
  ["hscan", at.work, "0", "COUNT", "1"],
  ["zscan", at.statuses, "0", "COUNT", "1"],
  ["zscan", at.creations, "0", "COUNT", "1"],
  ["zscan", at.fields, "0", "COUNT", "1"],
  ["hscan", at.values, "0", "COUNT", "1"],
];

/** Sets of probes: for calls, and for calls and audits. */
const PROBE_SETS = { calls: PROBES, audit: [...PROBES, ...AUDIT_PROBES] } as const;
export type ProbeSet = keyof typeof PROBE_SETS;

function commandsOf(probes: readonly Probe[]): readonly string[] {
  return [...new Set(["eval", "evalsha", ...probes.map(([command]) => command)])].sort();
}

/** Commands of calls, in alphabetical order. */
export const COMMANDS = commandsOf(PROBES);
/** Commands of calls and audits, in alphabetical order. */
export const AUDIT_COMMANDS = commandsOf(PROBE_SETS.audit);

/** Result of a probe. */
export interface ProbeResult {
  /** Commands that the server does not have. */
  readonly unknown: readonly string[];
  /** Commands that the user may not run. */
  readonly commands: readonly string[];
  /** Keys that the user may not read or write. */
  readonly keys: readonly string[];
  /** Keys with values of a type that the driver does not write. */
  readonly foreign: readonly string[];
  /** Reason why the server rejects writes at present. null: it accepts them. */
  readonly writeRejection: string | null;
}

/**
 * Runs all commands of the driver without a change, in one round trip. Scripts do not roll back, so a missing permission that is
 * found during a script would leave a job half-written. This finds it before the first script.
 *
 * @throws the errors of ioredis, except for missing permissions and unknown commands
 */
export async function probePermissions(
  client: RedisCommander,
  keys: Keys,
  probeSet: ProbeSet = "calls",
): Promise<ProbeResult> {
  const names = probedKeys(keys);
  const probes = PROBE_SETS[probeSet];
  try {
    const reply = (await evaluate(client, scripts.probe, names, [JSON.stringify(probes)])) as readonly unknown[];
    return resultOf(reply.slice(1), probes, keys);
  } catch (error) {
    const message = reasonOf(error);
    if (isUnknownCommand(message)) return { ...NO_PROBLEMS, unknown: [commandIn(message)] };
    if (!isDenial(message)) throw error;
    return findDenial(client, message, names);
  }
}

const NO_PROBLEMS: ProbeResult = { unknown: [], commands: [], keys: [], foreign: [], writeRejection: null };

/** Returns the command in an error. Without one it is that of a script, because the probe runs nothing else. */
function commandIn(message: string): string {
  return /'(\w+)/.exec(message)?.[1] ?? "evalsha";
}

/** Converts the reply of the script: positions of failed probes and their errors in turn. */
function resultOf(errors: readonly unknown[], probes: readonly Probe[], keys: Keys): ProbeResult {
  const names = probedKeys(keys);
  const unknown = new Set<string>();
  const commands = new Set<string>();
  const denied = new Set<string>();
  const foreign = new Set<string>();
  let writeRejection: string | null = null;
  for (let n = 0; n < errors.length; n += 2) {
    const [command = "", ...args] = probes[Number(errors[n]) - 1] ?? [];
    const key = names[Number(args.find((arg) => typeof arg === "number")) - 1] ?? "";
    const message = String(errors[n + 1]);
    if (isDenial(message)) {
      if (isAboutKeys(message)) denied.add(key);
      else commands.add(command);
    } else if (isUnknownCommand(message)) {
      unknown.add(command);
    } else if (message.includes("WRONGTYPE")) {
      if (key !== keys.probe) foreign.add(key);
    } else if (WRITE_REJECTIONS.has(codeIn(message))) {
      writeRejection ??= explain(message);
    }
    // Any other error is about the invalid arguments of the probe, as intended.
  }
  return { unknown: [...unknown], commands: [...commands], keys: [...denied], foreign: [...foreign], writeRejection };
}

/** Finds the cause if the user may not run the script, or not with one of its keys. The server does not name the key. */
async function findDenial(client: RedisCommander, message: string, names: readonly string[]): Promise<ProbeResult> {
  if (!isAboutKeys(message)) return { ...NO_PROBLEMS, commands: [commandIn(message)] };
  const denied: string[] = [];
  for (const name of names) {
    try {
      await evaluate(client, scripts.probe, [name], ["[]"]);
    } catch (error) {
      if (!isDenial(reasonOf(error))) throw error;
      denied.push(name);
    }
  }
  return { ...NO_PROBLEMS, keys: denied };
}

function isAboutKeys(denial: string): boolean {
  return /\baccess\b/.test(denial);
}
