import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe } from "vitest";
import { type RedisCluster, startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer } from "../../../test/servers/require.js";
import { redisDriver } from "../src/redis.js";
import { testDriver } from "../src/testing.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("Redis Cluster"), () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  testDriver("redis cluster", async () => {
    // This key has more bytes than characters.
    const keyPrefix = `${randomUUID()}:séance:映画:🎬:`;
    const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const open = () => redisDriver({ cluster: nodes, shards: 4, keyPrefix, timeoutMs: 60_000 });
    return { driver: open(), again: open, shards: 4 };
  });
});
