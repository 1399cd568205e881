import type { Cluster, Redis } from "ioredis";
import type { JobStoreDriver, StoreConfig } from "../driver.js";
import { RedisConnection } from "./connection.js";
import { RedisEventLog } from "./event-log.js";
import { keysUnder, tagOf } from "./keys.js";
import { Leases } from "./leases.js";
import { type RedisDriverOptions, type ResolvedOptions, resolveOptions } from "./options.js";
import { Pauses } from "./pauses.js";
import { readRecordedMetadata } from "./recorded-metadata.js";
import { RedisOutbox } from "./redis-outbox.js";
import { RedisStorage } from "./redis-storage.js";
import { RedisSession } from "./session.js";
import { ShardedStorage } from "./sharded-storage.js";
import { BlockingReader, StreamNotifier } from "./stream-notifier.js";
import { Timeouts } from "./timeouts.js";
import { WriteBatchFormat } from "./write-batch.js";

/**
 * Creates a driver that stores jobs in Redis 6.2 or later: a single server, a master watched by sentinels, or a cluster. Each store
 * has its own connection, and reconnects automatically.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function redisDriver(options: RedisDriverOptions): JobStoreDriver {
  const setup = resolveOptions(options);
  let { shards } = setup;
  return {
    name: "redis",
    open: (config) => {
      const connection = new RedisConnection(setup.connect(), config.emit);
      const prefixes = prefixesOf(setup.keyPrefix, shards);
      const parts = prefixes.map((prefix) => openShard(connection, prefix, { ...setup, shards }, config));
      const [only] = parts;
      return shards === null && only !== undefined
        ? closing(only, () => connection.close())
        : closing(new ShardedStorage(parts), () => connection.close());
    },
    readMetadata: async () => {
      const recorded = await readRecordedMetadata(setup);
      if (recorded === null) return null;
      shards = recorded.shards;
      return recorded.metadata;
    },
  };
}

function prefixesOf(keyPrefix: string, shards: number | null): readonly string[] {
  return shards === null ? [keyPrefix] : Array.from({ length: shards }, (_, n) => `${keyPrefix}${tagOf(n)}`);
}

/** Opens the storage of one server, or of one shard. All its keys are on one server. */
function openShard(
  connection: RedisConnection,
  prefix: string,
  setup: ResolvedOptions,
  config: StoreConfig,
): RedisStorage {
  const keys = keysUnder(prefix);
  const { eventLogLength, timeoutMs, waitReplicas } = setup;
  const shards = setup.shards ?? 1;
  const format = new WriteBatchFormat(keys, config, eventLogLength);
  const session = new RedisSession(connection, keys, config, { timeoutMs, shards, format, waitReplicas });
  const blocking = (purpose: "watch" | "outbox") =>
    new BlockingReader(() => silenced(setup.connectForBlocking(purpose)));
  const outbox = new RedisOutbox(session, new StreamNotifier(blocking("outbox"), keys.outbox));
  const leases = new Leases(session, config);
  const log = new RedisEventLog(session, blocking("watch"), leases);
  const maxCount = splitMaxCount(config.maxCount, shards);
  return new RedisStorage(
    session,
    { ...config, maxCount },
    { outbox, log, leases, pauses: new Pauses(session), timeouts: new Timeouts(session, config), format },
  );
}

/** Divides the limits by the number of shards, rounded up. */
function splitMaxCount(maxCount: ReadonlyMap<string, number>, shards: number): ReadonlyMap<string, number> {
  return new Map(Array.from(maxCount, ([status, count]) => [status, Math.ceil(count / shards)]));
}

/** Closes the connection after the storage. */
function closing<S extends RedisStorage | ShardedStorage>(storage: S, release: () => void): S {
  const close = storage.close.bind(storage);
  return Object.assign(storage, { close: () => close().finally(release) });
}

/** Ignores the errors of a blocking connection. The main connection has the same ones and reports them. */
function silenced<C extends Redis | Cluster>(client: C): C {
  client.on("error", () => {});
  return client;
}
