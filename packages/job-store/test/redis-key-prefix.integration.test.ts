import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { type RedisCluster, startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer } from "../../../test/servers/require.js";
import { redisPermissions } from "../src/redis.js";
import { openStore } from "./redis-store.js";

const { available, title } = privateServer("redis");

/** Prefix with characters of several bytes, special characters of patterns, and white space of one and of several bytes. */
const prefixes = ["films:", "séance:", "映画:", "🎬:", "[*?]\\:", "a b\t\u00a0\u2003\ufeff:", "e\u0301\u0000:"];

async function singleServer() {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return redis;
}

const servers = {
  "one server": async () => {
    const { url } = await singleServer();
    return (keyPrefix: string) => openStore({ url, keyPrefix }).store;
  },
  "a cluster": async () => {
    const cluster: RedisCluster = await startRedisCluster();
    onTestFinished(() => cluster.stop());
    const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    return (keyPrefix: string) => openStore({ cluster: nodes, shards: 3, keyPrefix }).store;
  },
};

describe.skipIf(!available)(title("A key prefix"), () => {
  test.each(Object.entries(servers))("may contain any characters, on %s", { timeout: 60_000 }, async (_, start) => {
    const open = await start();
    for (const keyPrefix of prefixes) {
      const store = open(keyPrefix);
      const watched = store.watch()[Symbol.asyncIterator]();
      const firstEvent = watched.next();
      await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
      await store.updateStatus("a", "working");
      await store.updateStatus("a", "done");
      expect((await store.list()).items, keyPrefix).toMatchObject([{ id: "a", status: "done" }]);
      expect((await store.list({ status: "done" })).items).toMatchObject([{ id: "a" }]);
      expect(await store.waitFor("a", { timeoutMs: 10_000 })).toMatchObject({ id: "a" });
      expect(await store.outbox.read()).toMatchObject([{ jobId: "a" }]);
      expect(await store.audit({ repair: true })).toEqual({
        ...{ jobs: 1, missingFromIndex: 0, staleInIndex: 0, unreadable: 0, repaired: 0 },
      });
      expect((await firstEvent).value).toMatchObject({ id: "a" });
      await watched.return?.();
      expect(await store.delete("a")).toBe(true);
      expect(await store.counts()).toMatchObject({ done: 0 });
      expect((await store.list()).items).toEqual([]);
    }
  });

  test("is matched by the patterns that redisPermissions grants", async () => {
    const redis: PrivateServer = await singleServer();
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    for (const keyPrefix of prefixes) {
      const { rule } = redisPermissions({ keyPrefix, audit: true });
      await admin.acl("SETUSER", "limited", "reset", "on", ">pass", ...rule.split(" "));
      const { store } = openStore({ url: `redis://limited:pass@127.0.0.1:${redis.port}`, keyPrefix });
      await store.create({ title: "One" });
      expect(await store.audit(), keyPrefix).toMatchObject({ jobs: 1 });
    }
  });

  test("separates stores: prefixes that differ only outside ASCII share no jobs", async () => {
    const redis = await singleServer();
    const unique = randomUUID();
    const [one, other] = ["é", "e\u0301"].map((name) => openStore({ url: redis.url, keyPrefix: unique + name }).store);
    await one?.create({ title: "One" }, { id: "a" });
    expect(await other?.get("a")).toBeNull();
  });
});
