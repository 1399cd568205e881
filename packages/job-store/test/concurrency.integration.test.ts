import { randomUUID } from "node:crypto";
import { describe, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer, server } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { redisDriver } from "../src/redis.js";
import { expectLinearizable } from "./concurrency.js";

const redis = server("redis");

describe.skipIf(redis.url === null)(redis.title("Concurrent clients of one Redis"), () => {
  const url = redis.url as string;

  async function withPlace(address: string, run: (place: Parameters<typeof expectLinearizable>[0]) => Promise<void>) {
    const keyPrefix = `${redis.prefix}${randomUUID()}:`;
    const open = () => redisDriver({ url: address, keyPrefix, timeoutMs: 60_000 });
    try {
      await run({ driver: open(), again: open });
    } finally {
      await removeKeys(url, keyPrefix);
    }
  }

  test("get replies that are consistent with one sequential order of the calls", async () => {
    await withPlace(url, (place) => expectLinearizable(place, { numRuns: 80 }));
  });

  test("get such replies also while connections break: each change is applied once or not at all, and never later", async () => {
    await using proxy = await startTcpProxy({ url });
    await withPlace(proxy.url, (place) => expectLinearizable(place, { numRuns: 12, disturb: () => proxy.cut() }));
  });
});

const cluster = privateServer("redis");

describe.skipIf(!cluster.available)(cluster.title("Concurrent clients of a Redis Cluster"), () => {
  test("get replies that are consistent with one sequential order of the calls", async () => {
    await using three = await startRedisCluster();
    const nodes = three.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const open = () => redisDriver({ cluster: nodes, shards: 4, timeoutMs: 60_000 });
    await expectLinearizable({ driver: open(), again: open, shards: 4 }, { numRuns: 20 });
  });
});
