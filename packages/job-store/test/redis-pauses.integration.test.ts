import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { manyIds } from "../src/lib/contract/expectations.js";
import { claim, claimed, createClaimed, direct } from "../src/lib/contract/requests.js";
import { failureOf, openStore, PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("Pauses in Redis"), { timeout: 120_000 }, () => {
  const redis = new PrivateRedis();

  /** Returns the commands on the pauses during a claim. */
  async function readsOfClaim(store: Parameters<typeof claim>[0], id: string): Promise<number> {
    const sent = await redis.sentDuring(() => claim(store, id, direct("m-2")));
    return sent.flatMap(({ within }) => within).filter((args) => args.includes("jobs:pauses")).length;
  }

  test("a claim reads the pauses only while a queue is paused", async () => {
    const { store } = openStore({ url: redis.url });
    await store.createMany(manyIds(4).map((id) => ({ id, data: { title: "One" } })));
    const [before, during, ended, resumed] = manyIds(4) as [string, string, string, string];
    await claimed(store, "job-0003");
    expect(await readsOfClaim(store, before)).toBe(0);
    await store.pauseQueue("others");
    expect(await readsOfClaim(store, during)).toBe(1);
    await store.pauseQueue("others", { until: new Date(Date.now() + 100) });
    await vi.waitFor(async () => expect(await store.pausedQueues()).toEqual([]), PATIENCE);
    expect(await readsOfClaim(store, ended)).toBe(0);
    await store.pauseQueue("others");
    await store.pauseQueue("reports");
    await store.resumeQueue("others");
    await store.resumeQueue("reports");
    expect(await readsOfClaim(store, resumed)).toBe(0);
  });

  test("the answer is the same if the reply is lost", async () => {
    const proxy = await startTcpProxy({ url: redis.url });
    onTestFinished(() => proxy.close());
    const { store } = openStore({ url: proxy.url, timeoutMs: 60_000 });
    const witness = openStore({ url: redis.url }).store;
    await createClaimed(store, "a");
    const lose = async <T>(call: () => Promise<T>, paused: number): Promise<T> => {
      proxy.swallowReplies();
      const answer = call();
      await vi.waitFor(async () => expect(await witness.pausedQueues()).toHaveLength(paused), PATIENCE);
      proxy.heal();
      proxy.cut();
      return answer;
    };
    await lose(() => store.pauseQueue("reports"), 1);
    expect(await lose(() => store.resumeQueue("reports"), 0)).toBe(true);
    expect(await store.resumeQueue("reports")).toBe(false);
  });

  test("a call whose connection was lost does not pause the queue again later", async () => {
    const proxy = await startTcpProxy({ url: redis.url });
    onTestFinished(() => proxy.close());
    const { store } = openStore({ url: proxy.url, timeoutMs: 60_000 });
    await createClaimed(store, "a");
    const held = proxy.holdRequests();
    const pausing = store.pauseQueue("reports");
    await held.arrived;
    proxy.cut();
    await pausing;
    await store.resumeQueue("reports");
    held.deliver();
    const { store: next } = openStore({ url: redis.url });
    await next.create({ title: "One" }, { id: "b" });
    await vi.waitFor(async () => expect(await redis.client.hget("jobs:metadata", "lost")).not.toBeNull(), PATIENCE);
    expect(await next.pausedQueues()).toEqual([]);
    await claimed(next, "b", direct("m-3"));
  });

  test("a pause fails if one shard of a cluster fails, and can be repeated", async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.stop());
    const lines = await Promise.all(
      cluster.nodes.map(async ({ port }) => ({
        port,
        proxy: await startTcpProxy({ url: `redis://127.0.0.1:${port}` }),
      })),
    );
    onTestFinished(async () => void (await Promise.all(lines.map(({ proxy }) => proxy.close()))));
    const natMap = Object.fromEntries(
      lines.map(({ port, proxy }) => [`127.0.0.1:${port}`, { host: "127.0.0.1", port: proxy.port }]),
    );
    const through = lines.map(({ proxy: { port } }) => ({ host: "127.0.0.1", port }));
    const { store } = openStore({ cluster: through, shards: 6, timeoutMs: 3000, redis: { natMap } });
    const ids = manyIds(30);
    await store.createMany(ids.map((id) => ({ id, data: { title: "One" } })));
    await lines[0]?.proxy.shut();
    expect(await failureOf(store.pauseQueue("reports", { by: "Ann" }))).toMatchObject({ code: "UNAVAILABLE" });
    await lines[0]?.proxy.open();
    // The shards that could be reached are paused.
    await vi.waitFor(async () => expect(await store.pausedQueues()).toMatchObject([{ by: "Ann" }]), PATIENCE);
    await vi.waitFor(() => store.pauseQueue("reports"), PATIENCE);
    for (const id of ids) expect(await claim(store, id)).toMatchObject({ kind: "paused" });
    expect(await store.resumeQueue("reports")).toBe(true);
    for (const id of ids) await claimed(store, id);
  });
});
