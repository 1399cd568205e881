import { randomUUID } from "node:crypto";
import { describe, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer, server } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { redisDriver } from "../src/redis.js";
import { behavesAsOne } from "./concurrency.js";

const redis = server("redis");

describe.skipIf(redis.url === null)(redis.title("Several clients of one Redis at once"), () => {
  const url = redis.url as string;

  async function withPlace(address: string, run: (place: Parameters<typeof behavesAsOne>[0]) => Promise<void>) {
    const keyPrefix = `${redis.prefix}${randomUUID()}:`;
    const open = () => redisDriver({ url: address, keyPrefix, timeoutMs: 60_000 });
    try {
      await run({ driver: open(), again: open });
    } finally {
      await removeKeys(url, keyPrefix);
    }
  }

  test("hear what one store would have told them one after the other", async () => {
    await withPlace(url, (place) => behavesAsOne(place, { numRuns: 80 }));
  });

  test("so they do while their connections break: once or not at all, and never later", async () => {
    await using proxy = await startTcpProxy({ url });
    await withPlace(proxy.url, (place) => behavesAsOne(place, { numRuns: 12, disturb: () => proxy.cut() }));
  });
});

const cluster = privateServer("redis");

describe.skipIf(!cluster.available)(cluster.title("Several clients of a Redis Cluster at once"), () => {
  test("hear what one store would have told them one after the other", async () => {
    await using three = await startRedisCluster();
    const nodes = three.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const open = () => redisDriver({ cluster: nodes, shards: 4, timeoutMs: 60_000 });
    await behavesAsOne({ driver: open(), again: open, shards: 4 }, { numRuns: 20 });
  });
});
