import type { StatusCode } from "./index-metadata.js";

/** Scores of the index by status are `code * SPAN + ms`: codes below 900 are exact as doubles, and so are times before the year 2286. */
export const SPAN = 10 ** 13;

/** Score in the index by status, as text. */
export function scoreOf(code: number, ms: number): string {
  return `${code}${String(ms).padStart(13, "0")}`;
}

/** Lowest and highest score of a code, and its TTL, as scripts take them. */
export function scoreRange({ code, ttlMs }: StatusCode): readonly (string | number)[] {
  return [scoreOf(code, 0), scoreOf(code, SPAN - 1), ttlMs];
}

/** Where everything lives. A job is the string at `job:<id>`, and nothing else is under `job:`. */
export interface Keys {
  readonly job: (id: string) => string;
  /** Hash: definition, statuses, codes and the edition of this map; the definition's description for tools. */
  readonly map: string;
  /** Sorted set: job id by code · 10^13 + when it entered its status. */
  readonly statuses: string;
  /** Sorted set: job id by creation. */
  readonly creations: string;
  /** Sorted set: a job's fields and where it stands, by their bytes; see lua/fields.lua. */
  readonly fields: string;
  /** Hash: job id -> its fields. */
  readonly values: string;
  /** Two sets: recent operations of deleted jobs; see lua/operations.lua. */
  readonly evenTombstones: string;
  readonly oddTombstones: string;
  /** Stream: what happened to jobs; see lua/publish.lua. */
  readonly events: string;
  /** Stream and what belongs to it; see lua/outbox.lua. */
  readonly outbox: string;
  readonly outboxClaims: string;
  readonly outboxClaimed: string;
  /** String: the last claim of one reader, and what it was given, until that lapses. */
  readonly outboxReader: (reader: string) => string;
  readonly outboxRejected: string;
  readonly outboxRejectedEntries: string;
  /** Written by health checks only. */
  readonly probe: string;
}

export function keysUnder(prefix: string): Keys {
  return {
    job: (id) => `${prefix}job:${id}`,
    map: `${prefix}jobs:map`,
    statuses: `${prefix}jobs:by-status`,
    creations: `${prefix}jobs:by-creation`,
    fields: `${prefix}jobs:by-field`,
    values: `${prefix}jobs:values`,
    evenTombstones: `${prefix}jobs:tombstones:even`,
    oddTombstones: `${prefix}jobs:tombstones:odd`,
    events: `${prefix}jobs:events`,
    outbox: `${prefix}jobs:outbox`,
    outboxClaims: `${prefix}jobs:outbox:claims`,
    outboxClaimed: `${prefix}jobs:outbox:claimed`,
    outboxReader: (reader) => `${prefix}jobs:outbox:reader:${reader}`,
    outboxRejected: `${prefix}jobs:outbox:rejected`,
    outboxRejectedEntries: `${prefix}jobs:outbox:rejected:entries`,
    probe: `${prefix}jobs:probe`,
  };
}

/** Keys of lua/store-keys.lua. */
export function storeKeys(keys: Keys): readonly string[] {
  return [
    ...[keys.map, keys.statuses, keys.creations, keys.events, keys.values, keys.fields],
    ...[keys.evenTombstones, keys.oddTombstones],
  ];
}
