import { setImmediate as nextTick } from "node:timers/promises";
import { Command, Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore } from "../src/index.js";
import { imported, report } from "../src/lib/contract/definitions.js";
import { createClaimed } from "../src/lib/contract/requests.js";
import { type PipelineCommand, RedisConnection, runPipeline } from "../src/lib/redis/connection.js";
import { Executor } from "../src/lib/redis/executor.js";
import { BOUNDED } from "../src/lib/redis/ioredis-options.js";
import { scripts } from "../src/lib/redis/scripts.js";
import { redisDriver } from "../src/redis.js";
import { openStore } from "./redis-store.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("Commands of the driver"), () => {
  let redis: PrivateServer;
  let admin: Redis;

  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });
  beforeEach(async () => {
    await admin.flushall(); // The server is private and has no other data.
    await admin.script("FLUSH");
  });

  /** Returns the number of times that the server has run a command since the test reset the counters. */
  async function callsOf(command: string): Promise<number> {
    const stats = await admin.info("commandstats");
    const name = command.replace("|", "\\|");
    return Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
  }

  describe("in a pipeline", () => {
    function startExecutor(url: string) {
      const connection = new RedisConnection(new Redis(url, { ...BOUNDED, retryStrategy: () => 20 }), () => {});
      onTestFinished(() => connection.close());
      return new Executor(connection, PATIENCE.timeout, null);
    }

    test("each have their reply, or the error of the server", async () => {
      await admin.set("text", "value");
      await admin.lpush("list", "value");
      const executor = startExecutor(redis.url);
      const replies = await executor.query((client) =>
        runPipeline(client, [
          ["get", "text"],
          ["get", "list"],
          ["get", "absent"],
          ["unknown-command"],
          ["exists", "text"],
        ]),
      );
      expect(replies).toEqual([
        { value: "value" },
        { error: expect.objectContaining({ message: expect.stringMatching(/^WRONGTYPE/) }) },
        { value: null },
        { error: expect.objectContaining({ message: expect.stringMatching(/^ERR unknown command/) }) },
        { value: 1 },
      ]);
    });

    test("are sent again together if the connection was lost before all replies came", async () => {
      await using proxy = await startTcpProxy(redis);
      const executor = startExecutor(proxy.url);
      const commands: readonly PipelineCommand[] = [
        ["incr", "first"],
        ["incr", "second"],
      ];
      await executor.query((client) => client.ping());
      proxy.swallowReplies();
      const replies = executor.query((client) => runPipeline(client, commands));
      await vi.waitFor(async () => expect(await admin.get("second")).toBe("1"), PATIENCE);
      proxy.heal();
      proxy.cut();
      expect(await replies).toEqual([{ value: 2 }, { value: 2 }]);
    });
  });

  test("that list jobs read the index once and the jobs once, without a script, also if there was no recent write", async () => {
    const { store } = openStore({ url: redis.url });
    await openStore({ url: redis.url }).store.createMany(["a", "b"].map((id) => ({ data: { title: "One" }, id })));
    await store.list();
    const now = performance.now.bind(performance);
    // Metadata that was loaded or compared a moment ago counts as current.
    vi.spyOn(performance, "now").mockImplementation(() => now() + 5000);
    onTestFinished(() => void vi.restoreAllMocks());
    await admin.config("RESETSTAT");
    expect((await store.list()).items).toHaveLength(2);
    expect([await callsOf("zrange"), await callsOf("mget"), await callsOf("evalsha")]).toEqual([1, 1, 0]);
  });

  test("that read jobs also read their leases, without a second round trip", async () => {
    const { store } = openStore({ url: redis.url });
    const { job } = await createClaimed(store, "a");
    await admin.config("RESETSTAT");
    let sent = 0;
    const { sendCommand } = Redis.prototype;
    vi.spyOn(Redis.prototype, "sendCommand").mockImplementation(function (this: Redis, ...args) {
      if (["mget", "hmget", "time"].includes(args[0].name)) sent++;
      return Reflect.apply(sendCommand, this, args);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const reading = store.get("a");
    await nextTick();
    expect(sent).toBe(4);
    expect((await reading)?.leasedUntil).toEqual(job.leasedUntil);
    expect(sent).toBe(4);
    expect([await callsOf("mget"), await callsOf("hmget"), await callsOf("evalsha")]).toEqual([1, 2, 0]);
  });

  test("that read jobs return the values of the right jobs if the connection is lost during the read", async () => {
    const { store } = openStore({ url: redis.url });
    const { job } = await store.create({ title: "One" }, { id: "a" });
    // A read of a job that does not exist also checks the type of its key. This check waits here.
    const releases: (() => void)[] = [];
    vi.spyOn(Redis.prototype, "exists").mockImplementation(
      () => new Promise<number>((resolve) => releases.push(() => resolve(0))),
    );
    onTestFinished(() => void vi.restoreAllMocks());
    const reads = Promise.all([store.get("a"), store.get("absent")]);
    await vi.waitFor(() => expect(releases).toHaveLength(1), PATIENCE);
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    // The second attempt reads each job alone: "a" is complete. Now the first attempt ends.
    await vi.waitFor(() => expect(releases).toHaveLength(3), PATIENCE);
    releases[1]?.();
    await new Promise(setImmediate);
    releases[2]?.();
    expect(await reads).toEqual([job, null]);
  });

  describe("that count jobs", () => {
    function openExpiring(seconds: number) {
      const driver = redisDriver({ url: redis.url });
      const store = createJobStore({ job: report, driver, ttlSeconds: { done: seconds } });
      onTestFinished(() => store.close());
      return store;
    }

    test("are no script, also if jobs expire", async () => {
      const store = openExpiring(60);
      await store.createMany(["a", "b", "c"].map((id) => ({ data: { title: "One" }, id })));
      await store.updateStatus("a", "working");
      await store.updateStatus("a", "done");
      await admin.config("RESETSTAT");
      expect(await store.counts()).toMatchObject({ waiting: 2, working: 0, done: 1 });
      expect(await callsOf("evalsha")).toBe(0);
    });

    test("are repeated by a script if a job changed between them", async () => {
      const store = openExpiring(60);
      await store.create({ title: "One" }, { id: "a" });
      await admin.config("RESETSTAT");
      const send = Redis.prototype.sendCommand;
      let events = 0;
      vi.spyOn(Redis.prototype, "sendCommand").mockImplementation(function (this: Redis, command, stream) {
        // An event of another client, between the first and the last count.
        if (command.name === "zcount" && events++ === 0) {
          send.call(this, new Command("hincrby", ["jobs:metadata", "events", "1"]));
        }
        return send.call(this, command, stream);
      });
      onTestFinished(() => void vi.restoreAllMocks());
      expect(await store.counts()).toMatchObject({ waiting: 1 });
      expect(await callsOf("evalsha")).toBe(1);
    });

    test("are exact while jobs expire one after the other", async () => {
      const store = openExpiring(0.3);
      const clock = async () => (await store.create({ title: "A clock" })).job.createdAt;
      const begun = (await clock()).getTime();
      const jobs = await Promise.all(
        Array.from({ length: 12 }, (_, n) => {
          const statusAt = new Date(begun + n * 100);
          return store.save(
            imported(`job-${n}`, { status: "done", createdAt: new Date(1), statusAt, updatedAt: statusAt }),
          );
        }),
      );
      const alive = (at: Date) => jobs.filter(({ expiresAt }) => expiresAt !== null && expiresAt >= at).length;
      const wrong: string[] = [];
      await vi.waitFor(async () => {
        const before = await clock();
        const { done } = await store.counts();
        const after = await clock();
        if (done > alive(before) || done < alive(after)) wrong.push(`${done}, not ${alive(after)} to ${alive(before)}`);
        expect(alive(after)).toBe(0);
      }, PATIENCE);
      expect(wrong).toEqual([]);
    });
  });

  describe("that change jobs", () => {
    test("have their scripts loaded once, before the first of them, and only those that the server lacks", async () => {
      const first = openStore({ url: redis.url }).store;
      await admin.config("RESETSTAT");
      await first.getMany(["a", "b"]);
      const before = await callsOf("eval");
      await first.create({ title: "One" }, { id: "a" });
      // After its first change, a store removes expired jobs in the background.
      await vi.waitFor(
        async () => expect(await admin.script("EXISTS", scripts.trimExpired.sha)).toEqual([1]),
        PATIENCE,
      );
      const loaded = await callsOf("eval");
      // The scripts of changes, that of the permissions and that of the background.
      expect(loaded - before).toBeGreaterThan(3);
      await first.updateStatus("a", "working");
      await openStore({ url: redis.url }).store.updateStatus("a", "working");
      // Each connection measures the clock of the server by a script that is always sent as text.
      expect(await callsOf("eval")).toBe(loaded + 1);
    });

    test("and were called in one tick, keep their order on each job if the server has lost its scripts", async () => {
      const { store } = openStore({ url: redis.url });
      await store.create({ title: "One" }, { id: "first" });
      await admin.script("FLUSH");
      const ids = Array.from({ length: 30 }, (_, n) => `job-${n}`);
      const calls = ids.flatMap((id) => [
        store.create({ title: "One" }, { id }),
        store.updateStatus(id, "working"),
        store.updateProgress(id, { done: 1 }),
        store.updateStatus(id, "done"),
      ]);
      await Promise.all(calls);
      for (const job of await store.getMany(ids)) {
        expect(job).toMatchObject({ status: "done", version: 3, progress: { done: 1 } });
      }
    });

    test("and were called in one tick for different jobs, are one script for each kind", async () => {
      const { store } = openStore({ url: redis.url });
      await store.createMany(["a", "b", "c", "d"].map((id) => ({ data: { title: "One" }, id })));
      await store.counts();
      await admin.config("RESETSTAT");
      await Promise.all([
        store.updateStatus("a", "working"),
        store.delete("b"),
        store.updateStatus("c", "working"),
        store.delete("d"),
      ]);
      expect(await callsOf("evalsha")).toBe(2);
    });
  });
});
