import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { PATIENCE } from "../../../test/patience.js";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, defineJob, type JobStore, type StoreEvent } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { claim, claimed, createClaimed, direct, MINUTE, SHORT, take, takeOne } from "../src/lib/contract/requests.js";
import { redisDriver } from "../src/redis.js";
import { openStore, PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

/** Keys of work states, without those of the outbox. */
const WORK_KEYS = ["jobs:work", "jobs:work:messages", "jobs:leases", "jobs:waits"];

describe.skipIf(!available)(title("Leases in Redis"), () => {
  const redis = new PrivateRedis();
  const open = () => openStore({ url: redis.url }).store;
  const leftWork = async () => redis.client.exists(WORK_KEYS);

  /** Changes the time of the last contact, as if no process had reached the server since then. */
  async function contactAt(offsetMs: number): Promise<void> {
    const contact = Number(await redis.client.hget("jobs:metadata", "contact"));
    await redis.client.hset("jobs:metadata", "contact", contact + offsetMs);
  }

  describe("reachable time", () => {
    test.each([
      ["a claim", async (store: JobStore<Report>) => void (await createClaimed(store, "other"))],
      ["renewLeases without jobs", async (store: JobStore<Report>) => void (await store.renewLeases([], MINUTE))],
      ["a read of the outbox", async (store: JobStore<Report>) => void (await store.outbox.read())],
    ])("a gap of an hour before %s does not count", async (_, contact) => {
      const store = open();
      const { job } = await createClaimed(store, "a");
      await createClaimed(store, "waits").then(({ job }) => store.updateStatus(job, "working", { leaseMs: MINUTE }));
      const waits = await store.get("waits");
      await contactAt(-3_600_000);
      // Readers know it before the next contact.
      const shifted = Number((await store.get("a"))?.leasedUntil) - Number(job.leasedUntil);
      expect(shifted).toBeGreaterThanOrEqual(3_600_000);
      await contact(store);
      const later = Number((await store.get("a"))?.leasedUntil) - Number(job.leasedUntil);
      expect(later).toBeGreaterThanOrEqual(shifted);
      expect(later).toBeLessThan(3_600_000 + MINUTE);
      // A retry and a postponed job wait by the clock.
      expect(await store.get("waits")).toEqual(waits);
      const [member = "", end = ""] = await redis.client.zrange("jobs:gaps", 0, "-1", "WITHSCORES");
      const [start, away] = member.split(" ").map(Number);
      expect(Number(end) - Number(start)).toBe(away);
      expect(await redis.client.hget("jobs:metadata", "away")).toBe(String(away));
    });

    test("a gap of four seconds counts", async () => {
      const store = open();
      const { job } = await createClaimed(store, "a");
      await contactAt(-4000);
      await store.renewLeases([], MINUTE);
      expect(await store.get("a")).toEqual(job);
      expect(await redis.client.exists("jobs:gaps")).toBe(0);
    });

    test("a clock that went back does not count", async () => {
      const store = open();
      await store.renewLeases([], MINUTE);
      await contactAt(3_600_000);
      const { job } = await createClaimed(store, "a");
      expect(Number(await redis.client.hget("jobs:metadata", "away"))).toBeLessThan(-3_500_000);
      expect(Number(job.leasedUntil) - job.statusAt.getTime()).toBe(MINUTE);
      expect(await store.get("a")).toEqual(job);
      expect(await claim(store, "a", direct("m-2"))).toEqual({ kind: "leased" });
    });

    test("the newest 1,000 gaps are kept", async () => {
      const store = open();
      await store.renewLeases([], MINUTE);
      await redis.client.zadd("jobs:gaps", ...Array.from({ length: 1000 }, (_, n) => [String(n), `${n} 0`]).flat());
      await contactAt(-MINUTE);
      await store.renewLeases([], MINUTE);
      expect(await redis.client.zcard("jobs:gaps")).toBe(1000);
      expect(await redis.client.zscore("jobs:gaps", "0 0")).toBeNull();
    });
  });

  test("the set of leases is a tree, also after it was empty, so that a claim does not read all leases", async () => {
    const store = open();
    for (const id of ["a", "b"]) {
      const { job } = await createClaimed(store, id);
      expect(await redis.client.call("OBJECT", "ENCODING", "jobs:leases")).toBe("skiplist");
      expect(await redis.client.zrange("jobs:leases", "0", "-1")).toEqual([id]);
      await store.updateStatus(job, "done");
    }
  });

  test("the server may lose its scripts between any two calls", async () => {
    const store = open();
    const { job } = await createClaimed(store, "a");
    const flush = () => redis.client.script("FLUSH");
    await flush();
    expect(await store.renewLeases([job], SHORT)).toEqual([true]);
    await flush();
    const entry = await takeOne(store);
    await flush();
    const again = await claimed(store, "a", direct());
    await flush();
    const failing = { from: ["waiting"] as const, working: "working" as const, error: { message: "unreadable" } };
    const { queue, id, origin } = entry;
    const message = { queue, id, ...(origin !== undefined && { origin }) };
    expect(await store.failRequest("a", "failed", { ...failing, message })).toEqual({ kind: "handled" });
    await flush();
    expect((await store.get("a"))?.leasedUntil).toEqual(again.job.leasedUntil);
    await flush();
    await store.updateStatus(again.job, "done", { handled: true });
  });

  describe("after a job is gone, nothing of its work is left", () => {
    /** Claims a job, and makes the store remember a message. */
    async function work(store: JobStore<Report>, id: string) {
      const { job } = await createClaimed(store, id);
      expect(await claim(store, id, direct("m-2", "others"))).toEqual({ kind: "leased" });
      expect(await redis.client.hlen("jobs:work:messages")).toBe(2);
      return job;
    }

    test("deleted", async () => {
      const store = open();
      await work(store, "a");
      await store.delete("a");
      expect(await leftWork()).toBe(0);
    });

    test("deleted while it waits for a retry", async () => {
      const store = open();
      await store.updateStatus(await work(store, "a"), "working", { leaseMs: MINUTE });
      expect(await redis.client.zcard("jobs:waits")).toBe(1);
      await store.delete("a");
      expect(await leftWork()).toBe(0);
    });

    test("done: only what recognizes copies is left", async () => {
      const store = open();
      await store.updateStatus(await work(store, "a"), "done", { handled: true });
      expect(await redis.client.exists(WORK_KEYS.slice(1))).toBe(0);
      expect(await claim(store, "a")).toEqual({ kind: "handled" });
      await store.delete("a");
      expect(await leftWork()).toBe(0);
    });

    test("above the maximum count, and expired", async () => {
      const job = defineJob({
        name: "short",
        data: z.null(),
        initial: "waiting",
        statuses: {
          waiting: { next: ["working"] },
          working: { next: ["working", "failed"], ttlSeconds: 0.5, maxCount: 1 },
          failed: { next: [], final: true },
        },
      });
      const store = createJobStore({ job, driver: redisDriver({ url: redis.url }) });
      onTestFinished(() => store.close());
      for (const id of ["a", "b"]) {
        await store.create(null, { id });
        const message = { queue: "q", id, payload: null };
        await store.claim(id, "working", { from: ["waiting"], leaseMs: MINUTE, key: id, message });
      }
      await vi.waitFor(async () => {
        await store.create(null);
        expect(await leftWork()).toBe(0);
      }, PATIENCE);
    });

    test("lost without its work: an audit finds and removes it", async () => {
      const store = open();
      await work(store, "a");
      await redis.client.del("job:a");
      await redis.client.zrem("jobs:by-status", "a");
      await redis.client.zrem("jobs:by-creation", "a");
      expect(await store.audit()).toMatchObject({ staleInIndex: 1, repaired: 0 });
      expect(await store.audit({ repair: true })).toMatchObject({ staleInIndex: 1, repaired: 1 });
      expect(await leftWork()).toBe(0);
    });
  });

  test("a lease of an expired job whose id was used again is removed when it ends", async () => {
    const store = open();
    const { job } = await createClaimed(store, "a");
    await createClaimed(store, "b").then(({ job }) => store.updateStatus(job, "working", { leaseMs: MINUTE }));
    // As if both had expired.
    await redis.client.del("job:a", "job:b");
    for (const id of ["a", "b"]) {
      await store.create({ title: "Two" }, { id });
      await store.updateStatus(id, "working", { outbox: [{ queue: "reports", payload: id }] });
    }
    for (const [key, id] of [["jobs:leases", "a"] as const, ["jobs:waits", "b"] as const]) {
      expect(await redis.client.zscore(key, id)).not.toBeNull();
      await redis.client.zadd(key, 1, id);
    }
    expect((await take(store)).map(({ payload }) => payload)).toEqual(["a", "b"]);
    expect(await redis.client.exists("jobs:leases", "jobs:waits")).toBe(0);
    expect(await store.renewLeases([job], MINUTE)).toEqual([false]);
  });

  test("changes that concern no worker run no command for leases", async () => {
    const store = open();
    const call = async (id: string) => {
      await store.create({ title: "One" }, { id });
      await store.get(id);
      await store.updateStatus(id, "failed");
      await store.updateStatus(id, "waiting");
      await store.delete(id);
    };
    await call("a");
    const sent = await redis.sentDuring(() => call("b"));
    const within = sent.flatMap((one) => one.within);
    expect(within.length).toBeGreaterThan(0);
    expect(within.filter((command) => command.some((part) => WORK_KEYS.includes(part)))).toEqual([]);
    expect(sent.filter(({ args }) => /^(get|mget)$/i.test(args[0] ?? ""))).toHaveLength(1);
  });

  test("an entry that was stored without an origin has none", async () => {
    const store = open();
    await store.create({ title: "One" }, { id: "a" });
    const message = JSON.stringify({ queue: "reports", headers: {}, payload: 1 });
    await redis.client.xadd("jobs:outbox", "*", "job", "a", "id", '"m"', "message", message);
    const [entry] = await store.outbox.read();
    expect(entry).toMatchObject({ id: "m", payload: 1 });
    expect(entry?.origin).toBeUndefined();
    await store.outbox.reject([entry?.entryId ?? ""], "why");
    expect((await store.outbox.rejected())[0]).toMatchObject({ id: "m", reason: "why" });
  });

  test("a job that is created again after the clock went back is created later", async () => {
    const store = open();
    const { job } = await store.create({ title: "One" }, { id: "a" });
    await store.delete("a");
    // The clock of the server seems to be behind the creation of the deleted job.
    const ahead = job.createdAt.getTime() + 3_600_000;
    await redis.client.hset("jobs:metadata", "deleted", ahead);
    const again = await store.create({ title: "Two" }, { id: "a" });
    expect(again.job.createdAt.getTime()).toBe(ahead + 1);
    expect(await store.get("a")).toEqual(again.job);
  });
});

describe.skipIf(!available)(title("Leases in Redis under faults"), () => {
  async function start(args: readonly string[] = []) {
    const server = await startRedis({ args });
    const proxy = await startTcpProxy(server);
    const client = new Redis(server.url, { retryStrategy: () => 20 });
    client.on("error", () => {});
    onTestFinished(async () => {
      client.disconnect();
      await proxy.close();
      await server.stop();
    });
    const events: StoreEvent[] = [];
    const open = (url: string) => {
      const store = createJobStore({
        job: report,
        driver: redisDriver({ url, timeoutMs: 30_000 }),
        onEvent: (event) => events.push(event),
      });
      onTestFinished(() => store.close());
      return store;
    };
    return { server, proxy, client, events, store: open(proxy.url), other: open(server.url) };
  }

  const scripts = async (client: Redis) =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info("commandstats"))?.[1] ?? 0);

  const failing = { from: ["waiting"] as const, working: "working" as const, error: { message: "unreadable" } };
  type Act = (store: JobStore<Report>, other: JobStore<Report>) => Promise<unknown>;
  /** Each call on a job "new" that waits, a job "requested" with a message, and a job "a" with a lease. `other` loses no reply. */
  const calls: Readonly<Record<string, Act>> = {
    claim: (store) => claim(store, "new", direct("m-3"), { key: "claim" }),
    failRequest: async (store, other) => {
      const [entry] = await other.outbox.read({ claimMs: 1 });
      const { queue = "", id = "", origin } = entry ?? {};
      const message = { queue, id, ...(origin !== undefined && { origin }) };
      return store.failRequest("requested", "failed", { ...failing, message });
    },
    "renewLeases with 0": async (store, other) => {
      const job = await other.get("a");
      return job && store.renewLeases([job], 0);
    },
    "a retry": (store) =>
      store.updateStatus("a", "working", { leaseMs: MINUTE, failedAttempt: true, handled: true, key: "retry" }),
  };

  test.each(Object.keys(calls))("the answer is the same if the reply is lost: %s", async (name) => {
    const { proxy, client, store, other } = await start();
    const call = calls[name] as Act;
    const run = async (act: () => Promise<unknown>) => {
      await other.create({ title: "New" }, { id: "new" });
      await other.create({ title: "Requested" }, { id: "requested", outbox: [{ queue: "reports", payload: 1 }] });
      await createClaimed(other, "a");
      const answer = await act();
      const jobs = await other.getMany(["new", "requested", "a"]);
      const summary = jobs.map((job) => job && [job.status, job.version, job.history.length, job.leasedUntil !== null]);
      const answered = JSON.stringify(answer, (key, value) =>
        /At$|Until$|^at$|^key$|^origin$/.test(key) ? null : value,
      );
      return { answered, summary };
    };
    // Loads the scripts.
    const expected = await run(() => call(store, other));
    for (const id of ["new", "requested", "a"]) await other.delete(id);
    await take(other);
    const lost = await run(async () => {
      const before = await scripts(client);
      const wanted = name === "failRequest" ? 2 : 1;
      proxy.swallowReplies();
      const outcome = call(store, other);
      outcome.catch(() => {});
      await vi.waitFor(async () => expect(await scripts(client)).toBeGreaterThanOrEqual(before + wanted), PATIENCE);
      proxy.heal();
      proxy.cut();
      return outcome;
    });
    expect(lost).toEqual(expected);
  });

  test("a restart keeps the leases, and is reported once", async () => {
    const { server, store, other, events } = await start(PERSISTENT);
    const { job } = await createClaimed(store, "a");
    await other.get("a");
    const restarts = () => events.filter(({ type }) => type === "restarted");
    expect(restarts()).toEqual([]);
    await server.restart();
    await vi.waitFor(() => expect(restarts()).toHaveLength(2), PATIENCE);
    expect(await store.renewLeases([job], MINUTE)).toEqual([true]);
    expect(await claim(other, "a", direct("m-2"))).toEqual({ kind: "leased" });
    await store.updateStatus(job, "done", { handled: true });
    // Each store has reported it.
    expect(restarts()).toHaveLength(2);
  });

  test("a lost connection is no restart", async () => {
    const { proxy, store, events } = await start();
    await createClaimed(store, "a");
    proxy.cut();
    await vi.waitFor(() => expect(events.filter(({ type }) => type === "connected")).toHaveLength(3), PATIENCE);
    await store.renewLeases([], MINUTE);
    expect(events.map(({ type }) => type)).not.toContain("restarted");
  });
});
