import { checkInteger, checkKeys, invalid, show } from "../arguments.js";
import type { KeyLimit } from "../claims.js";
import type { JobDefinition } from "../definition.js";
import type { JobStorage } from "../driver.js";
import { LIMIT_KEYS } from "./option-keys.js";

/** Largest `max` of a limit. */
const LARGEST_MAX = 1_000_000;

/** Property of a sharded store, for workers. A registered symbol, so that every copy of the queue package finds it. */
const SHARDED: unique symbol = Symbol.for("@subtitles/job-store/sharded");

/** Checks a limit. @throws JobStoreError INVALID_ARGUMENT */
export function checkLimit(definition: JobDefinition, limit: KeyLimit): KeyLimit {
  if (typeof limit !== "object" || limit === null) {
    return invalid(`\`limit\` must be an object such as { field, max } (got ${show(limit)}).`);
  }
  const { field, max } = checkKeys(limit, LIMIT_KEYS, "limit");
  const fields = Object.keys(definition.index ?? {});
  if (!fields.includes(field)) {
    const known = fields.length === 0 ? "It has none." : `Its index fields: ${fields.join(", ")}.`;
    return invalid(`\`limit.field\` is ${show(field)}, which is not an index field of "${definition.name}". ${known}`);
  }
  return { field, max: checkInteger(max, "limit.max", 1, LARGEST_MAX) };
}

/** Checks that a storage can count the jobs of a key. @throws JobStoreError INVALID_ARGUMENT if it has several shards */
export function checkUnsharded(storage: JobStorage): void {
  if (isSharded(storage)) {
    invalid(
      "`limit` is not possible on a sharded store: the jobs with one value are in several shards. Use a store without `shards`.",
    );
  }
}

/** Marks a sharded store for its workers. */
export function markSharded(store: object, storage: JobStorage): void {
  // Configurable, so that a Proxy of the store can return another value.
  if (isSharded(storage)) Object.defineProperty(store, SHARDED, { value: true, configurable: true });
}

/** Returns true if the jobs are in several shards. */
function isSharded({ logs }: JobStorage): boolean {
  return logs.length > 1;
}
