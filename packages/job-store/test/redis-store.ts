import { expect, onTestFinished } from "vitest";
import { startRedis } from "../../../test/servers/redis.js";
import { startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { createJobStore, JobStoreError, type StoreEvent } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { type RedisDriverOptions, redisDriver } from "../src/redis.js";

/** A store of reports that is closed when the test ends, and what it tells of its connection. */
export function openStore(options: RedisDriverOptions) {
  const events: StoreEvent[] = [];
  const store = createJobStore({ job: report, driver: redisDriver(options), onEvent: (event) => events.push(event) });
  onTestFinished(() => store.close());
  return { store, events };
}

/** The error that a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<JobStoreError> {
  const error = await promise.then(
    (value) => expect.fail(`expected a rejection, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!JobStoreError.is(error)) throw error;
  return error;
}

/** Starts a Redis that stops when the test ends. */
export async function startOne(): Promise<{ readonly url: string }> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return { url: redis.url };
}

/** Starts a Redis Cluster that stops when the test ends. */
export async function startCluster(): Promise<RedisDriverOptions> {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  return { cluster: cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })), shards: 2 };
}
