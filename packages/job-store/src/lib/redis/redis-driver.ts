import type { Cluster, Redis } from "ioredis";
import type { JobStoreDriver, StoreShape } from "../driver.js";
import { Bell } from "./bell.js";
import { BlockingReader } from "./blocking-reader.js";
import { Connection } from "./connection.js";
import { keysUnder } from "./keys.js";
import { Line } from "./line.js";
import { type RedisDriverOptions, type Setup, setUp } from "./options.js";
import { readRecordedMetadata } from "./recorded-metadata.js";
import { RedisLog } from "./redis-log.js";
import { RedisOutbox } from "./redis-outbox.js";
import { RedisStorage } from "./redis-storage.js";
import { Server } from "./server.js";
import { ShardedStorage, tagOf } from "./sharded-storage.js";

/**
 * Jobs in Redis 6.2 or later: one server, one watched by sentinels, or a cluster. Each store opened over the driver has
 * its own connection, which comes back by itself whenever it is lost.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function redisDriver(options: RedisDriverOptions): JobStoreDriver {
  const setup = setUp(options);
  let { shards } = setup;
  return {
    name: "redis",
    open: (shape) => {
      const line = new Line(setup.connect(), shape.emit);
      const parts = prefixesOf(setup.keyPrefix, shards).map((prefix) =>
        openPart(line, prefix, { ...setup, shards }, shape),
      );
      const [only] = parts;
      return shards === null && only !== undefined
        ? closing(only, () => line.close())
        : closing(new ShardedStorage(parts), () => line.close());
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

/** One server's jobs, or one shard's: all its keys are in one place. */
function openPart(line: Line, prefix: string, setup: Setup, shape: StoreShape): RedisStorage {
  const keys = keysUnder(prefix);
  const connection = new Connection(line, keys.map, setup.timeoutMs);
  const server = new Server(connection, keys, shape, setup.shards ?? 1);
  const blocking = (purpose: "watch" | "outbox") => new BlockingReader(() => silenced(setup.connectToWait(purpose)));
  const outbox = new RedisOutbox(server, new Bell(blocking("outbox"), keys.outbox));
  const log = new RedisLog(server, blocking("watch"));
  const { eventLogLength, waitReplicas } = setup;
  const maxCount = shares(shape.maxCount, setup.shards ?? 1);
  return new RedisStorage(server, { ...shape, maxCount }, { outbox, log, eventLogLength, waitReplicas });
}

/** Of what all shards may hold together, what each may. */
function shares(maxCount: ReadonlyMap<string, number>, shards: number): ReadonlyMap<string, number> {
  return new Map(Array.from(maxCount, ([status, most]) => [status, Math.ceil(most / shards)]));
}

/** Lets the line go after what used it. */
function closing<S extends RedisStorage | ShardedStorage>(storage: S, release: () => void): S {
  const close = storage.close.bind(storage);
  return Object.assign(storage, { close: () => close().finally(release) });
}

/** Faults of a waking connection are nobody's news: the main one has the same and reports them. */
function silenced<C extends Redis | Cluster>(client: C): C {
  client.on("error", () => {});
  return client;
}
