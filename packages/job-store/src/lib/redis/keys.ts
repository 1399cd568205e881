import { crc32 } from "node:zlib";

/** A status, and the time for which a job is kept in it. */
export interface StatusTtl {
  readonly status: string;
  /** In milliseconds. 0: without expiry. */
  readonly ttlMs: number;
}

/** Code of a status and its TTL in the status index. */
export interface StatusCode extends StatusTtl {
  readonly code: number;
}

/** Scores of the status index are `code * SPAN + ms`. They are exact as doubles for codes below 900 and times before the year 2286. */
export const SPAN = 10 ** 13;

/** Returns a score of the status index, as text. */
export function scoreOf(code: number, ms: number): string {
  return `${code}${String(ms).padStart(13, "0")}`;
}

/** Returns the lowest and the highest score of a code, and its TTL, in the order in which scripts take them. */
export function scoreRange({ code, ttlMs }: StatusCode): readonly (string | number)[] {
  return [scoreOf(code, 0), scoreOf(code, SPAN - 1), ttlMs];
}

/** Redis keys of a store, or of one shard. A job is the string at `job:<id>`, and no other key begins with `job:`. */
export interface Keys {
  /** String: record of a job; see lua/includes/record.lua. */
  readonly job: (id: string) => string;
  /** Hash: definition, statuses, status codes, revision, and the description of the definition for tools. */
  readonly metadata: string;
  /** Sorted set: job id by code · 10^13 + time of entry into the status. */
  readonly statuses: string;
  /** Sorted set: job id by time of creation. */
  readonly creations: string;
  /** Sorted set: index fields of each job with its status and creation, ordered by bytes; see lua/includes/fields.lua. */
  readonly fields: string;
  /** Hash: job id -> its index fields. */
  readonly values: string;
  /** Set: operations of jobs that were deleted in an even minute; see lua/includes/operations.lua. */
  readonly evenTombstones: string;
  /** Set: the same for odd minutes. */
  readonly oddTombstones: string;
  /** Hash: job id -> work state; see lua/includes/work-state.lua. The next three keys belong to it. */
  readonly work: string;
  /** Hash: messages that are sent again when a lease ends. */
  readonly workMessages: string;
  /** Sorted set: job id by the end of a worker's lease, in reachable time. */
  readonly leases: string;
  /** Sorted set: job id by the end of a lease that no worker owns. */
  readonly waits: string;
  /** Sorted set: gaps in which no process had contact with the server; see lua/includes/contact.lua. */
  readonly gaps: string;
  /** Sorted set: places of limited keys, ordered by bytes; see lua/includes/places.lua. The next two keys belong to it. */
  readonly limits: string;
  /** Sorted set: lists of messages that wait for a place, by the time of the next check. */
  readonly limitLists: string;
  /** Hash: newest maximum of each field and queue, and the time until which a live worker limits each field. */
  readonly limitRules: string;
  /** Hash: queue -> its pause; see lua/includes/pauses.lua. */
  readonly pauses: string;
  /** Hash: id of a live worker -> its record; see lua/write/renew-leases.lua. */
  readonly workers: string;
  /** Sorted set: id of a live worker by the time at which its record expires. */
  readonly workerEnds: string;
  /** Hash: queue -> `from` and `working` of the worker of this queue that started last. */
  readonly consumers: string;
  /** String: store that enforces the timeouts. */
  readonly timeoutsOwner: string;
  /** Sorted set: jobs whose timeout is checked later; see lua/maintenance/next-timeouts.lua. */
  readonly timeoutsDeferred: string;
  /** Stream: event log; see lua/includes/publish.lua. */
  readonly events: string;
  /** Stream: outbox entries. The next keys belong to it; see lua/includes/begin-outbox.lua. */
  readonly outbox: string;
  /** Sorted set: claimed entry by the end of its claim. */
  readonly outboxClaims: string;
  /** String: last entry that was ever claimed. */
  readonly outboxClaimed: string;
  /** String: last claim of one reader, and the entries that it returned. It expires with the claim. */
  readonly outboxReader: (reader: string) => string;
  /** String: results of one call that changes scheduled messages, for as long as it can be repeated. */
  readonly outboxCall: (operation: string) => string;
  /** Sorted set: number of a scheduled message by its due time. */
  readonly outboxScheduled: string;
  /** Hash: number of a scheduled message -> its fields, and the newest number. */
  readonly outboxScheduledEntries: string;
  /** Sorted set: rejected entry by its time. */
  readonly outboxRejected: string;
  /** Hash: rejected entry -> its fields and the reason. */
  readonly outboxRejectedEntries: string;
  /** Sorted set: job id by the time at which a message of the job was published last, in seconds; see lua/outbox/acknowledge.lua. */
  readonly outboxPublished: string;
  /** String that only checks write. */
  readonly probe: string;
}

export function keysUnder(prefix: string): Keys {
  return {
    job: (id) => `${prefix}job:${id}`,
    metadata: `${prefix}jobs:metadata`,
    statuses: `${prefix}jobs:by-status`,
    creations: `${prefix}jobs:by-creation`,
    fields: `${prefix}jobs:by-field`,
    values: `${prefix}jobs:values`,
    evenTombstones: `${prefix}jobs:tombstones:even`,
    oddTombstones: `${prefix}jobs:tombstones:odd`,
    work: `${prefix}jobs:work`,
    workMessages: `${prefix}jobs:work:messages`,
    leases: `${prefix}jobs:leases`,
    waits: `${prefix}jobs:waits`,
    gaps: `${prefix}jobs:gaps`,
    limits: `${prefix}jobs:limits`,
    limitLists: `${prefix}jobs:limits:lists`,
    limitRules: `${prefix}jobs:limits:rules`,
    pauses: `${prefix}jobs:pauses`,
    workers: `${prefix}jobs:workers`,
    workerEnds: `${prefix}jobs:workers:ends`,
    consumers: `${prefix}jobs:consumers`,
    timeoutsOwner: `${prefix}jobs:timeouts:owner`,
    timeoutsDeferred: `${prefix}jobs:timeouts:deferred`,
    events: `${prefix}jobs:events`,
    outbox: `${prefix}jobs:outbox`,
    outboxClaims: `${prefix}jobs:outbox:claims`,
    outboxClaimed: `${prefix}jobs:outbox:claimed`,
    outboxReader: (reader) => `${prefix}jobs:outbox:reader:${reader}`,
    outboxCall: (operation) => `${prefix}jobs:outbox:call:${operation}`,
    outboxScheduled: `${prefix}jobs:outbox:scheduled`,
    outboxScheduledEntries: `${prefix}jobs:outbox:scheduled:entries`,
    outboxRejected: `${prefix}jobs:outbox:rejected`,
    outboxRejectedEntries: `${prefix}jobs:outbox:rejected:entries`,
    outboxPublished: `${prefix}jobs:outbox:published`,
    probe: `${prefix}jobs:probe`,
  };
}

/** Returns the keys that lua/includes/store-keys.lua names, in its order. */
export function storeKeys(keys: Keys): readonly string[] {
  return [...indexKeys(keys), keys.evenTombstones, keys.oddTombstones, ...workKeys(keys)];
}

/** Returns the first of these keys, for a script that only reads the indexes. */
export function indexKeys(keys: Keys): readonly string[] {
  return [keys.metadata, keys.statuses, keys.creations, keys.events, keys.values, keys.fields];
}

/** Returns the keys of work states and of limits, in the order in which scripts take them. */
export function workKeys({ work, workMessages, leases, waits, gaps, ...keys }: Keys): readonly string[] {
  return [work, workMessages, leases, waits, gaps, keys.limits, keys.limitLists, keys.limitRules];
}

/** Returns the beginning of the keys of a shard: a hash tag, so that a cluster stores them in one slot. `*`: a pattern for all shards. */
export function tagOf(shard: number | "*"): string {
  return `{jobs-${shard}}:`;
}

/** Returns the shard of a job. The result must never change: it is not stored. */
export function shardOf(id: string, shards: number): number {
  return crc32(id) % shards;
}

/**
 * Returns an ACL pattern that matches a text. A rule cannot contain white space, which separates rules, or NUL. Each byte of
 * these becomes `?`, which matches any byte.
 */
export function asPattern(text: string): string {
  return text.replace(/[*?[\]\\]/g, "\\$&").replace(/[\s\0]/g, (character) => "?".repeat(Buffer.byteLength(character)));
}
