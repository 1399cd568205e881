import type { StoreMetadata } from "../driver.js";
import { unavailable } from "../errors.js";
import { RedisConnection } from "./connection.js";
import { Executor } from "./executor.js";
import { metadataIn, readMetadata } from "./index-metadata.js";
import { keysUnder, tagOf } from "./keys.js";
import type { ResolvedOptions } from "./options.js";
import { explain, reasonOf, replyCode } from "./redis-errors.js";
import { checkFormat } from "./store-format.js";

/** Metadata of the stores under a prefix, and the layout of their keys. */
interface RecordedMetadata {
  readonly metadata: StoreMetadata;
  /** null: one server without shards. */
  readonly shards: number | null;
}

/** Shards that are read first: as many as a cluster has by default. */
const FIRST_SHARDS = 16;
/** Limit of the option `shards`. */
const MAX_SHARDS = 1024;

/**
 * Reads the metadata under the prefix. A shard has metadata only after its first call, so the metadata of all shards is
 * combined, whatever number of shards the driver has.
 *
 * @returns null if no store has been used under the prefix yet
 * @throws JobStoreError NEWER_FORMAT, UNAVAILABLE
 */
export async function readRecordedMetadata({ keyPrefix, ...setup }: ResolvedOptions): Promise<RecordedMetadata | null> {
  const prefixes = setup.shards === null ? [keyPrefix] : shardPrefixes(keyPrefix, 0, FIRST_SHARDS);
  const keys = prefixes.map((prefix) => keysUnder(prefix).metadata);
  const connection = new RedisConnection(setup.connect(), () => {});
  const executor = new Executor(connection, setup.timeoutMs, null);
  const end = executor.defaultEnd();
  const read = async (metadataKeys: readonly string[]) => {
    const found = await executor.query((client) => Promise.all(metadataKeys.map((key) => readMetadata(client, key))), {
      end,
    });
    found.forEach(checkFormat);
    return found.filter(({ revision }) => revision !== undefined);
  };
  try {
    const parts = [...(await read(keys))];
    if (setup.shards !== null) {
      const others = shardPrefixes(keyPrefix, FIRST_SHARDS, Number(parts[0]?.shards ?? MAX_SHARDS));
      parts.push(...(await read(others.map((prefix) => keysUnder(prefix).metadata))));
    }
    const [first] = parts;
    if (first === undefined) return null;
    return { metadata: combine(parts.map(metadataIn)), shards: setup.shards === null ? null : Number(first.shards) };
  } catch (error) {
    if (replyCode(error) === null) throw error;
    throw unavailable(`The metadata of the store cannot be read: ${explain(reasonOf(error))}.`, false);
  } finally {
    connection.close();
  }
}

function shardPrefixes(keyPrefix: string, from: number, to: number): readonly string[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, n) => keyPrefix + tagOf(from + n));
}

/** Combines the metadata of several shards. If they differ in one value, the value of the first shard counts. */
function combine(parts: readonly StoreMetadata[]): StoreMetadata {
  return {
    definition: parts[0]?.definition ?? "",
    statuses: new Map(parts.toReversed().flatMap(({ statuses }) => [...statuses])),
    fields: [...new Set(parts.flatMap(({ fields }) => fields))],
    description: parts.find(({ description }) => description !== null)?.description ?? null,
  };
}
