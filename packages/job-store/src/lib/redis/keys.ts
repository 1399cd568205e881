/** Where everything lives. A job is the string at `job:<id>`, and nothing else is under `job:`. */
export interface Keys {
  readonly job: (id: string) => string;
  /** Hash: definition, statuses, codes and the edition of this map; the definition's description for tools. */
  readonly map: string;
  /** Sorted set: job id by code · 2^42 + when it entered its status. */
  readonly statuses: string;
  /** Sorted set: job id by creation. */
  readonly creations: string;
  /** Sorted set: a job's fields and where it stands, by their bytes; see lua/places.lua. */
  readonly fields: string;
  /** Hash: job id -> its fields. */
  readonly values: string;
  /** Sorted set: operation id of a recent removal by its deadline. */
  readonly removals: string;
  /** Stream: what happened to jobs; see lua/log.lua. */
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
    removals: `${prefix}jobs:removals`,
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

/** What lua/places.lua takes first. */
export function indexKeys(keys: Keys): readonly string[] {
  return [keys.map, keys.statuses, keys.creations, keys.values, keys.fields];
}
