import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import type { Health } from "../src/index.js";
import { redisPermissions } from "../src/redis.js";
import { failureOf, openStore } from "./redis-store.js";

const { available, title } = privateServer("redis");
const { commands } = redisPermissions();

/** Starts a private server, a client that can disturb it, and a store with one job. */
async function start(...args: string[]) {
  const redis = await startRedis({ args });
  onTestFinished(() => redis.stop());
  const client = connect(redis);
  const { store, events } = openStore({ url: redis.url });
  await store.create({ title: "One" }, { id: "one" });
  return { redis, client, store, events };
}

function connect(redis: PrivateServer): Redis {
  // The test disturbs the server, so errors of the store are expected.
  const client = new Redis(redis.url).on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

const flags = ({ details: { reachable, readable, writable } }: Health) => ({ reachable, readable, writable });

describe.skipIf(!available)(title("The health of a store in Redis"), () => {
  test("without a problem is healthy, and contains the kind and version of the server", async () => {
    const { store } = await start("--appendonly", "yes", "--maxmemory", "1gb");
    expect(await store.health()).toEqual({
      status: "healthy",
      driver: "redis",
      latencyMs: expect.any(Number),
      details: {
        reachable: true,
        readable: true,
        writable: true,
        version: expect.stringMatching(/^\d+\.\d+/),
        mode: "standalone",
        role: "master",
        usedMemoryBytes: expect.any(Number),
        maxMemoryBytes: 2 ** 30,
        evictionPolicy: "noeviction",
        persistence: "append-only file (fsync everysec)",
      },
      warnings: [],
    });
  });

  test("without a relay warns of old messages by the clock of the server, also in one of several shards", async () => {
    const { store, client, redis } = await start("--appendonly", "yes");
    const shards = openStore({ client: connect(redis), shards: 2 }).store;
    await shards.create({ title: "One" }, { outbox: [{ queue: "reports", payload: 1 }] });
    expect([(await store.health()).warnings, (await shards.health()).warnings]).toEqual([[], []]);
    const [seconds] = await client.time();
    const outboxes = ["jobs:outbox", ...(await client.keys("?*jobs:outbox"))];
    expect(outboxes).toHaveLength(2);
    for (const key of outboxes) {
      await client.del(key);
      await client.xadd(key, `${(Number(seconds) - 7200) * 1000}-0`, "job", "one");
    }
    for (const one of [store, shards]) {
      const waited = expect.stringMatching(
        /^The oldest outbox message has been waiting for 72\d\d s\. Check that a relay/,
      );
      expect(await one.health()).toMatchObject({ status: "healthy", warnings: [waited] });
    }
  });

  test("stores only a key that expires", async () => {
    const { store, client } = await start();
    const before = (await client.keys("*")).sort();
    const jobs = await client.get("job:one");
    await store.health();
    await vi.waitFor(async () => expect((await client.keys("*")).sort()).toEqual(before), PATIENCE);
    expect(await client.get("job:one")).toBe(jobs);
  });

  describe("that is readable, but", () => {
    async function expectReadOnly(
      store: { health(): Promise<Health>; get(id: string): Promise<unknown> },
      why: RegExp,
    ) {
      const health = await store.health();
      expect(flags(health)).toEqual({ reachable: true, readable: true, writable: false });
      expect(health).toMatchObject({ status: "degraded", latencyMs: expect.any(Number) });
      expect(health.error).toMatch(/^Redis can be read but rejects writes: /);
      expect(health.error).toMatch(why);
      expect(await store.get("one")).not.toBeNull();
    }

    // Redis cannot rename subcommands.
    const renamable = [...new Set(commands.map((command) => command.replace(/\|.*$/, "")))];

    test.each(renamable)("lacks the command %s, reports it, and no job is partly written", async (command) => {
      const redis = await startRedis({ args: ["--rename-command", command, ""] });
      onTestFinished(() => redis.stop());
      const { store } = openStore({ url: redis.url });
      const named = new RegExp(`Redis does not know the command .*${command.toUpperCase()}.*, .*rename-command`);
      const error = await failureOf(store.create({ title: "One" }, { id: "one" }));
      expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
      expect(error.message).toMatch(named);
      const health = await store.health();
      expect(health.status).not.toBe("healthy");
      expect(health.details).toMatchObject({ reachable: true, writable: false });
      expect(health.error).toMatch(named);
      expect(await connect(redis).keys("job:*")).toEqual([]);
    });

    test("denies WAIT for waitReplicas, reports it", async () => {
      const { redis, client } = await start();
      await client.acl("SETUSER", "limited", "on", ">pass", "~*", "+@all", "-wait");
      const url = redis.url.replace("//", "//limited:pass@");
      const { store } = openStore({ url, waitReplicas: { count: 1 } });
      const health = await store.health();
      expect(flags(health)).toEqual({ reachable: true, readable: true, writable: false });
      expect(health).toMatchObject({ status: "degraded", error: expect.stringMatching(/waitReplicas .*wait/i) });
    });

    test("is full, is degraded with the reason", async () => {
      const { store, client } = await start();
      await client.config("SET", "maxmemory", "1");
      await expectReadOnly(store, /its memory is full; .* \(OOM /);
      await client.config("SET", "maxmemory", "0");
      expect((await store.health()).status).toBe("healthy");
    });

    test("is a replica, is degraded with the reason and a warning, and keeps its connection", async () => {
      const { store, client, events } = await start();
      const master = await start();
      await client.replicaof("127.0.0.1", master.redis.port);
      await vi.waitFor(
        async () => expect(await client.info("replication")).toContain("master_link_status:up"),
        PATIENCE,
      );
      await master.store.create({ title: "Two" }, { id: "two" });
      await expectReadOnly(store, /it is a replica, .* \(READONLY /);
      const { warnings, details } = await store.health();
      expect(details.role).toBe("slave");
      expect(warnings).toContainEqual(expect.stringMatching(/is a replica.*Connect to its master/));
      await master.redis.kill();
      await vi.waitFor(
        async () => expect((await store.health()).warnings.join()).toContain("has lost its master"),
        PATIENCE,
      );
      expect(events.map(({ type }) => type)).toEqual(["connected"]);
    });

    test("cannot save to its disk, is degraded with the reason", async () => {
      const { store, client, redis } = await start("--save", "3600 1");
      // A folder where the snapshot should go stops even a server that runs as root.
      await mkdir(join(redis.folder, "dump.rdb", "in the way"), { recursive: true });
      await client.bgsave();
      await vi.waitFor(async () => expect(await client.info()).toContain("rdb_last_bgsave_status:err"), PATIENCE);
      await expectReadOnly(store, /it cannot save to its disk; .* \(MISCONF /);
      expect((await store.health()).warnings).toContainEqual(expect.stringContaining("The last snapshot failed"));
    });

    test("has too few replicas, is degraded with the reason", async () => {
      const { store, client } = await start();
      await client.config("SET", "min-replicas-to-write", "1");
      await expectReadOnly(store, /too few replicas are connected to it \(NOREPLICAS /);
    });
  });

  describe("that is reachable, but", () => {
    function expectUnreadable(health: Health, why: RegExp): void {
      expect(flags(health)).toEqual({ reachable: true, readable: false, writable: false });
      expect(health).toMatchObject({ status: "unhealthy", latencyMs: expect.any(Number) });
      expect(health.error).toMatch(/^Redis replies but cannot be read: /);
      expect(health.error).toMatch(why);
    }

    test("is still loading, is unhealthy with the reason, while calls wait", async () => {
      const slowly = ["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"];
      const { store, client, redis } = await start("--save", "3600 1", ...slowly);
      await client.mset(Object.fromEntries(Array.from({ length: 4000 }, (_, n) => [`other:${n}`, "x".repeat(50)])));
      await client.save();
      const loaded = redis.restart();
      let health = await store.health();
      while (health.details.reachable !== true) health = await store.health();
      expectUnreadable(health, /it is still loading its data \(LOADING /);
      await expect(openStore({ url: redis.url, timeoutMs: 300 }).store.get("one")).rejects.toMatchObject({
        code: "UNAVAILABLE",
      });
      const patient = openStore({ url: redis.url, timeoutMs: 60_000 }).store.get("one");
      await loaded;
      expect(await patient).not.toBeNull();
      expect((await store.health()).status).toBe("healthy");
    });

    test("is busy with a script, is unhealthy with the reason", async () => {
      const { store, client, redis } = await start("--lua-time-limit", "20");
      const other = connect(redis);
      await other.ping();
      const endless = client.eval("while true do end", 0).catch(() => {});
      await vi.waitFor(async () => expectUnreadable(await store.health(), /runs a slow script \(BUSY /), PATIENCE);
      await other.script("KILL");
      await endless;
      expect((await store.health()).status).toBe("healthy");
    });

    test("is a replica that rejects reads without its master, is unhealthy with the reason", async () => {
      const { store, client } = await start("--replica-serve-stale-data", "no");
      await client.replicaof("127.0.0.1", "1");
      expectUnreadable(await store.health(), /has lost its master \(MASTERDOWN /);
    });
  });

  describe("that is not reachable", () => {
    test("contains the last error of the connection", async () => {
      const { store, redis } = await start();
      await redis.kill();
      const health = await store.health({ timeoutMs: 300 });
      expect(flags(health)).toEqual({ reachable: false, readable: false, writable: false });
      expect(health).toMatchObject({ status: "unhealthy", latencyMs: null, warnings: [] });
      expect(health.error).toMatch(/^Redis cannot be reached: /);
    });

    test("contains the time without a reply", async () => {
      const { store, redis } = await start();
      await redis.kill("SIGSTOP");
      const health = await store.health({ timeoutMs: 300 });
      expect(health).toMatchObject({ status: "unhealthy", latencyMs: null });
      expect(health.error).toBe("Redis cannot be reached: it has not replied within 300 ms");
      await redis.kill("SIGCONT");
    });
  });

  describe("warns of settings that can lose jobs:", () => {
    test.each([
      { policy: "allkeys-lru", maxmemory: "1gb", warning: /allkeys-lru.*deletes jobs, indexes/ },
      { policy: "volatile-ttl", maxmemory: "1gb", warning: /volatile-ttl.*deletes jobs that have a TTL/ },
      { policy: "allkeys-lru", maxmemory: "0", warning: null },
      { policy: "noeviction", maxmemory: "1gb", warning: null },
    ])("eviction by $policy with maxmemory $maxmemory", async ({ policy, maxmemory, warning }) => {
      const args = ["--appendonly", "yes", "--maxmemory-policy", policy, "--maxmemory", maxmemory];
      const { store } = await start(...args);
      const { status, warnings } = await store.health();
      expect(status).toBe("healthy");
      expect(warnings).toEqual(warning === null ? [] : [expect.stringMatching(warning)]);
    });

    test.each([
      { args: ["--save", ""], kept: "none", warning: /Redis writes nothing to disk.*Set appendonly yes/ },
      { args: ["--save", "3600 1"], kept: "snapshots", warning: /since the last snapshot.*Set appendonly yes/ },
      {
        args: ["--appendonly", "yes", "--appendfsync", "no"],
        kept: "append-only file (fsync no)",
        warning: /appendfsync is no: a power failure/,
      },
      {
        args: ["--appendonly", "yes", "--appendfsync", "always", "--save", "3600 1"],
        kept: "append-only file (fsync always), snapshots",
        warning: null,
      },
    ])("kept on disk: $kept", async ({ args, kept, warning }) => {
      const { store } = await start(...args);
      const { details, warnings } = await store.health();
      expect(details.persistence).toBe(kept);
      expect(warnings).toEqual(warning === null ? [] : [expect.stringMatching(warning)]);
    });
  });

  test("never shows a secret: not of the store, not of the server, not of a job", async () => {
    const redis = await startRedis({ args: ["--requirepass", "s3cret-a", "--masterauth", "s3cret-b"] });
    onTestFinished(() => redis.stop());
    const { store, events } = openStore({ url: `redis://:s3cret-a@127.0.0.1:${redis.port}` });
    await store.create({ title: "s3cret-c" });
    const said: unknown[] = [await store.health()];
    const client = new Redis(redis.port, { password: "s3cret-a" });
    onTestFinished(() => client.disconnect());
    await client.config("SET", "maxmemory", "1");
    said.push(await store.health());
    await client.config("SET", "requirepass", "s3cret-d");
    await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await vi.waitFor(async () => {
      said[2] = await store.health({ timeoutMs: 300 });
      expect(said[2]).toMatchObject({ status: "unhealthy", error: expect.stringContaining("WRONGPASS") });
    }, PATIENCE);
    expect(said).toMatchObject([{ status: "healthy" }, { status: "degraded" }, { status: "unhealthy" }]);
    expect(JSON.stringify([said, events])).not.toContain("s3cret");
  });
});
