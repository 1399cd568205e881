import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { type RedisCluster, startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer } from "../../../test/servers/require.js";
import { type JobStore, JobStoreError, type JobStoreErrorCode } from "../src/index.js";
import type { Report } from "../src/lib/contract/definitions.js";
import { redisPermissions } from "../src/redis.js";
import { failureOf, openStore } from "./redis-store.js";

const { available, title } = privateServer("redis");
const { commands } = redisPermissions();
const keyPrefix = "app [*]:";

describe.skipIf(!available)(title("The permissions of a Redis user"), () => {
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

  const asLimited = () => ({ url: `redis://limited:pass@127.0.0.1:${redis.port}`, keyPrefix });
  const openLimited = () => openStore(asLimited()).store;

  /** Replaces the rules of the user. */
  async function grant(...rules: string[]): Promise<void> {
    await admin.acl("SETUSER", "limited", "reset", "on", ">pass", ...rules);
  }

  const exactly = redisPermissions({ keyPrefix }).rule.split(" ");
  const auditing = redisPermissions({ keyPrefix, audit: true });

  test("are a rule of the commands and the key patterns", () => {
    const { keys, rule, optional } = redisPermissions({ keyPrefix: "a" });
    expect(keys).toEqual(["ajob:*", "ajobs:*"]);
    expect(rule).toBe(`~ajob:* ~ajobs:* ${commands.map((command) => `+${command}`).join(" ")}`);
    expect(redisPermissions().keys).toEqual(["job:*", "jobs:*"]);
    expect(redisPermissions({ keyPrefix }).keys).toEqual(["app?\\[\\*\\]:job:*", "app?\\[\\*\\]:jobs:*"]);
    expect(commands).toEqual([...new Set(commands)].sort());
    for (const command of commands) expect(optional).not.toHaveProperty(command);
  });

  describe("of an audit", () => {
    const more = auditing.commands.filter((command) => !commands.includes(command));

    test("are a few additional commands", () => {
      expect(more).toEqual(["hscan", "persist", "pttl", "scan", "zmscore", "zscan"]);
      expect(auditing.commands).toEqual([...commands, ...more].sort());
    });

    test.each(more)("include %s, and its absence is reported before a repair begins", async (command) => {
      await grant(...auditing.rule.split(" ").filter((rule) => rule !== `+${command}`));
      const store = openLimited();
      await store.create({ title: "One" }, { id: "one" });
      await admin.del(`${keyPrefix}jobs:by-status`);
      const error = await failureOf(store.audit({ repair: true }));
      expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
      expect(error.message).toContain(`Run ACL SETUSER with +${command};`);
      expect(await admin.exists(`${keyPrefix}jobs:by-status`)).toBe(0);
    });
  });

  describe("are no more than needed:", () => {
    /** Makes every call of a store with the job "before" and one message. Returns the failed calls. */
    async function callEverything(store: JobStore<Report>): Promise<readonly unknown[]> {
      const faults: unknown[] = [];
      const attempt = (call: () => Promise<unknown>) => call().catch((error) => faults.push(error));
      const other = openStore({ url: redis.url, keyPrefix }).store;
      // Calls whose scripts fail come last, because afterwards the store checks its permissions before every call.
      await attempt(() => openLimited().counts());
      await attempt(() => openLimited().counts({ where: { label: "red" } }));
      await attempt(() => store.getMany(["before", "absent", "foreign"]).catch(ignoring("UNREADABLE_RECORD")));
      await attempt(() => store.list({ status: "waiting" }));
      await attempt(() => store.outbox.depth());
      await attempt(() => store.outbox.rejected());
      await attempt(async () => {
        const events = store.watch("before", { signal: AbortSignal.timeout(1000) })[Symbol.asyncIterator]();
        await events.next();
        await other.updateStatus("before", "working");
        if ((await events.next()).done === true) throw new Error("the change was not seen");
      });
      await attempt(async () => {
        const [entry] = await store.outbox.read();
        const ids = [entry?.entryId ?? ""];
        await store.outbox.reject(ids, "why");
        await store.outbox.requeue(ids);
        await store.outbox.ack((await store.outbox.read()).map(({ entryId }) => entryId));
        await store.outbox.cancel(["0-1"]);
      });
      // The other store has loaded its scripts, which this one must be able to load as well.
      await admin.script("FLUSH");
      await attempt(() => store.create({ title: "One" }, { id: "one" }));
      await attempt(async () => {
        // The number of events is large enough that the event log is trimmed.
        for (let n = 0; n < 100; n++) await store.create({ title: "One" });
      });
      await attempt(() => store.delete("before"));
      return faults;
    }

    const ignoring = (code: JobStoreErrorCode) => (error: unknown) => {
      if (!JobStoreError.is(error, code)) throw error;
    };

    /** A store that has asked for its permissions, a job and a message in it, and something foreign in a job's place. */
    async function prepared(): Promise<JobStore<Report>> {
      await grant(...exactly);
      const store = openLimited();
      // The record is so large that jobs are read by their sizes.
      const body = "x".repeat(1_000_000);
      const outbox = [{ queue: "reports", payload: 1 }];
      await store.create({ title: "Before", label: "x", body }, { id: "before", outbox });
      await admin.lpush(`${keyPrefix}job:foreign`, "x");
      return store;
    }

    test("with all of them, every call succeeds", async () => {
      expect(await callEverything(await prepared())).toEqual([]);
    });

    // Only calls that are repeated after a lost reply use SISMEMBER.
    test.each(commands.filter((command) => command !== "sismember"))("without %s, some call fails", async (command) => {
      const store = await prepared();
      await admin.acl("SETUSER", "limited", `-${command}`);
      await admin.script("FLUSH");
      expect(await callEverything(store)).not.toEqual([]);
    });
  });

  describe("that are missing are reported before anything is written:", () => {
    /** Returns all keys with their content, except the key that the check of the permissions stores for a second. */
    async function everything(): Promise<Record<string, unknown>> {
      const keys = (await admin.keys("*")).filter((key) => key !== `${keyPrefix}jobs:probe`);
      return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await admin.dumpBuffer(key)])));
    }

    async function expectRefused(grants: string): Promise<void> {
      const before = await everything();
      const store = openLimited();
      let suggested = "";
      for (const call of [
        () => store.create({ title: "One" }, { id: "one", outbox: [{ queue: "reports", payload: 1 }] }),
        () => store.updateStatus("before", "working"),
        () => store.delete("before"),
        () => store.outbox.read(),
      ]) {
        const error = await failureOf(call());
        expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
        expect(error.message).toContain(`Run ACL SETUSER with ${grants}`);
        suggested = /Run ACL SETUSER with (.*);/.exec(error.message)?.[1] ?? "";
      }
      expect(await store.health()).toMatchObject({
        status: expect.stringMatching(/degraded|unhealthy/),
        error: expect.stringContaining(`Run ACL SETUSER with ${grants}`),
      });
      expect(await everything()).toEqual(before);
      // After the permission is granted, the same store works.
      await admin.acl("SETUSER", "limited", ...suggested.split(" "));
      expect(await store.create({ title: "One" }, { id: "one" })).toMatchObject({ created: true });
      expect((await store.health()).status).toBe("healthy");
    }

    beforeEach(async () => {
      const { store } = openStore({ url: redis.url, keyPrefix });
      await store.create({ title: "Before" }, { id: "before" });
      await store.close();
      await admin.script("FLUSH");
    });

    test.each(commands)("the command %s", async (command) => {
      await grant(...exactly.filter((rule) => rule !== `+${command}`));
      await expectRefused(`+${command}`);
    });

    test("several commands", async () => {
      await grant(...exactly.filter((rule) => rule !== "+zadd" && rule !== "+xadd"));
      await expectRefused("+zadd +xadd");
    });

    test("the keys of jobs", async () => {
      await grant(...exactly.filter((rule) => !rule.endsWith(":job:*")));
      await expectRefused("~app?\\[\\*\\]:job:*");
    });

    test("the other keys of the store", async () => {
      await grant(...exactly.filter((rule) => !rule.endsWith(":jobs:*")));
      await expectRefused("~app?\\[\\*\\]:jobs:metadata ~app?\\[\\*\\]:jobs:by-status");
    });
  });

  test("that are revoked after the check are reported, and are checked again from then on", async () => {
    await grant(...exactly);
    const store = openLimited();
    await store.create({ title: "One" }, { id: "one" });
    await admin.acl("SETUSER", "limited", "-zadd");
    // The script of this call fails midway, so the error is indeterminate.
    const first = await failureOf(store.create({ title: "Two" }, { id: "two" }));
    expect(first).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
    expect(first.message).toContain("Run ACL SETUSER with +zadd");
    expect(await failureOf(store.create({ title: "Three" }, { id: "three" }))).toMatchObject({ indeterminate: false });
    expect(await admin.exists(`${keyPrefix}job:three`)).toBe(0);
  });

  test("are checked again on each new connection", async () => {
    await grant(...exactly);
    const { store, events } = openStore(asLimited());
    await store.create({ title: "One" }, { id: "one" });
    await admin.acl("SETUSER", "limited", "-zadd");
    await admin.call("CLIENT", "KILL", "USER", "limited");
    await vi.waitFor(
      () => expect(events.map(({ type }) => type)).toEqual(["connected", "disconnected", "connected"]),
      PATIENCE,
    );
    expect(await failureOf(store.create({ title: "Two" }, { id: "two" }))).toMatchObject({ indeterminate: false });
    expect(await admin.exists(`${keyPrefix}job:two`)).toBe(0);
  });

  test.each(["jobs:by-status", "jobs:by-creation", "jobs:events", "jobs:outbox", "jobs:tombstones:even"])(
    "do not matter if %s belongs to another program: this is reported before anything is written",
    async (key) => {
      await openStore({ url: redis.url }).store.create({ title: "Before" });
      await admin.set(key, "foreign");
      const { store } = openStore({ url: redis.url });
      const error = await failureOf(store.create({ title: "One" }, { id: "one" }));
      expect(error.code).toBe("INVALID_ARGUMENT");
      expect(error.message).toContain(key);
      expect(await admin.exists("job:one")).toBe(0);
      expect(await store.health()).toMatchObject({ status: "degraded", error: expect.stringContaining(key) });
    },
  );

  test("do not matter if the key of an index belongs to another program: this is reported by reads", async () => {
    const { store } = openStore({ url: redis.url });
    await store.create({ title: "Before" });
    await admin.set("jobs:by-status", "foreign");
    for (const call of [() => store.list({ status: "waiting" }), () => store.counts()]) {
      const error = await failureOf(call());
      expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
      expect(error.message).toContain("Another application has written the key jobs:by-status:");
    }
  });
});

describe.skipIf(!available)(title("The permissions of a Redis user on a cluster"), () => {
  const { rule, commands: onCluster } = redisPermissions({ keyPrefix, cluster: true });
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  async function grant(...rules: string[]): Promise<void> {
    const user = ["limited", "reset", "on", ">pass", ...rules];
    await Promise.all(cluster.nodes.map((_, n) => cluster.client(n).acl("SETUSER", ...(user as [string]))));
  }

  function openLimited() {
    const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const redisOptions = { username: "limited", password: "pass" };
    return openStore({ cluster: nodes, shards: 4, keyPrefix, redis: { redisOptions } }).store;
  }

  test("are enough", async () => {
    await grant(...rule.split(" "));
    const store = openLimited();
    const outbox = [{ queue: "reports", payload: 1 }];
    const jobs = Array.from({ length: 20 }, (_, n) => ({ data: { title: "One" }, id: `${n}`, outbox }));
    const created = await store.createMany(jobs);
    expect(created.map(({ status }) => status)).toEqual(jobs.map(() => "fulfilled"));
    const seen = store.waitFor("7", { until: ["working"], timeoutMs: 5000 });
    await store.updateStatus("7", "working");
    expect(await seen).toMatchObject({ version: 2 });
    expect((await store.list()).items).toHaveLength(20);
    expect(await store.counts()).toMatchObject({ waiting: 19, working: 1 });
    await store.outbox.ack((await store.outbox.read()).map(({ entryId }) => entryId));
    expect(await store.outbox.depth()).toBe(0);
    expect(await store.deleteMany(jobs.map(({ id }) => id))).toBe(20);
    expect((await store.health()).status).toBe("healthy");
  });

  // Only calls during the move of a slot need ASKING.
  test.each(onCluster.filter((command) => /^cluster|^zadd$/.test(command)))("are not without %s", async (command) => {
    await grant(...rule.split(" ").filter((one) => one !== `+${command}`));
    const store = openLimited();
    const error = await failureOf(store.create({ title: "One" }));
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    expect(error.message.toLowerCase()).toContain(command);
    const health = await store.health();
    expect(health.status).not.toBe("healthy");
    expect(health.error?.toLowerCase()).toContain(command);
  });
});
