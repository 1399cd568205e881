import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy, type TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, type JobStore, type OutboxEntry } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";
import { failureOf, PrivateRedis } from "./redis-store.js";
import { skippableTime } from "./skip-time.js";

const { available, title } = privateServer("redis");

const TIMEOUT_MS = 60_000;
/** Claims that end only after the test. */
const CLAIM_MS = 600_000;

const payloads = (entries: readonly OutboxEntry[]) => entries.map(({ payload }) => payload);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

describe.skipIf(!available)(title("Reading the outbox when the reply to a claim is lost"), () => {
  const redis = new PrivateRedis();
  let proxy: TcpProxy;

  beforeEach(async () => {
    proxy = await startTcpProxy(redis.server);
    return () => proxy.close();
  });

  /** A store that reads through the proxy, with 30 messages of which it has read and acknowledged 5. */
  async function start() {
    const skip = skippableTime();
    const open = (url: string) => {
      const store = createJobStore({ job: report, driver: redisDriver({ url, timeoutMs: TIMEOUT_MS }) });
      onTestFinished(() => store.close());
      return store;
    };
    const [store, other] = [open(proxy.url), open(redis.url)];
    const outbox = range(0, 30).map((payload) => ({ queue: "reports", payload }));
    await other.create({ title: "One" }, { id: "a", outbox });
    const read = async (limit: number) => {
      const entries = await store.outbox.read({ limit, claimMs: CLAIM_MS });
      await store.outbox.ack(entries.map(({ entryId }) => entryId));
      return payloads(entries);
    };
    expect(await read(5)).toEqual(range(0, 5));
    return { store, other, read, expire: () => skip(TIMEOUT_MS) };
  }

  /** Time of the server in milliseconds. */
  async function serverTime(): Promise<number> {
    const [seconds, micros] = await redis.client.time();
    return Number(seconds) * 1000 + Number(micros) / 1000;
  }

  /** Lets a claim reach the server and loses the reply to it. */
  async function losing<T>(call: () => Promise<T>): Promise<{ outcome: Promise<T> }> {
    proxy.swallowReplies();
    const claimed = await redis.client.zcard("jobs:outbox:claims");
    const outcome = call();
    outcome.catch(() => {});
    await vi.waitFor(
      async () => expect(await redis.client.zcard("jobs:outbox:claims")).toBeGreaterThan(claimed),
      PATIENCE,
    );
    return { outcome };
  }

  const mend = () => {
    proxy.heal();
    proxy.cut();
  };

  test("before the deadline: the call returns the same entries", async () => {
    const { read } = await start();
    const { outcome } = await losing(() => read(10));
    mend();
    expect(await outcome).toEqual(range(5, 15));
    expect(await read(100)).toEqual(range(15, 30));
  });

  test.each([
    { limit: 10, says: "the next read has what the lost one was given, then what follows" },
    { limit: 3, says: "so it is where the next read wants fewer" },
    { limit: 100, says: "and where it wants more" },
  ])("after the call has failed, $says", async ({ limit }) => {
    const { read, expire } = await start();
    const { outcome } = await losing(() => read(10));
    expire();
    expect(await failureOf(outcome)).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
    mend();
    const all: unknown[] = [];
    await vi.waitFor(async () => {
      all.push(...(await read(limit)));
      expect(all).toHaveLength(25);
    }, PATIENCE);
    expect(all).toEqual(range(5, 30));
  });

  test("an entry that another reader has acknowledged is not claimed again", async () => {
    const { store, other, read, expire } = await start();
    const { outcome } = await losing(() => store.outbox.read({ limit: 10, claimMs: 1 }));
    expire();
    await failureOf(outcome);
    const [, claimedUntil] = await redis.client.zrange("jobs:outbox:claims", "-1", "-1", "WITHSCORES");
    await vi.waitFor(async () => expect(await serverTime()).toBeGreaterThan(Number(claimedUntil)), PATIENCE);
    const taken = await other.outbox.read({ limit: 4, claimMs: CLAIM_MS });
    expect(payloads(taken)).toEqual(range(5, 9));
    mend();
    const all: unknown[] = [];
    await vi.waitFor(async () => {
      all.push(...(await read(100)));
      expect(all).toHaveLength(21);
    }, PATIENCE);
    expect(all).toEqual(range(9, 30));
  });

  test("two concurrent readers never get the same entry", async () => {
    const { store } = await start();
    const { outcome } = await losing(() =>
      Promise.all(range(0, 5).map(() => store.outbox.read({ limit: 3, claimMs: CLAIM_MS }))),
    );
    mend();
    const read = (await outcome).flatMap(payloads);
    expect(new Set(read).size).toBe(15);
    expect((await store.outbox.read({ limit: 100 })).map(({ payload }) => payload)).toEqual(range(20, 30));
  });

  test("no key of a reader remains after its claims have expired", async () => {
    const { store } = await start();
    await store.outbox.ack((await store.outbox.read({ claimMs: 50 })).map(({ entryId }) => entryId));
    await vi.waitFor(async () => expect(await redis.client.keys("jobs:outbox:reader:*")).toEqual([]), PATIENCE);
  });
});

describe.skipIf(!available)(title("Changing scheduled messages when the reply is lost"), () => {
  const redis = new PrivateRedis();
  let proxy: TcpProxy;

  beforeEach(async () => {
    proxy = await startTcpProxy(redis.server);
    return () => proxy.close();
  });

  const at = new Date(4_000_000_000_000);
  const isMoved = async () => (await redis.client.zcount("jobs:outbox:scheduled", String(at.getTime()), "+inf")) === 3;
  const isSent = async () => (await redis.client.xlen("jobs:outbox")) === 3;
  const isGone = async () => (await redis.client.zcard("jobs:outbox:scheduled")) === 2;

  test.each([
    ["reschedule", isMoved, (store: JobStore<Report>, ids: string[]) => store.outbox.reschedule(ids, { at })],
    [
      "reschedule to now",
      isSent,
      (store: JobStore<Report>, ids: string[]) => store.outbox.reschedule(ids, { at: new Date(0) }),
    ],
    ["cancel", isGone, (store: JobStore<Report>, ids: string[]) => store.outbox.cancel(ids)],
  ])("%s returns the results of the attempt that was carried out", async (_, isDone, change) => {
    const open = (url: string) => {
      const store = createJobStore({ job: report, driver: redisDriver({ url, timeoutMs: TIMEOUT_MS }) });
      onTestFinished(() => store.close());
      return store;
    };
    const store = open(proxy.url);
    const outbox = range(0, 5).map((payload) => ({ queue: "reports", payload, delayMs: 3_600_000 }));
    await store.create({ title: "One" }, { id: "a", outbox });
    const { entries } = await store.outbox.list({ kind: "scheduled" });
    // The server has the script now.
    expect(await store.outbox.cancel(["0-98"])).toEqual([false]);
    await redis.client.del(await redis.client.keys("jobs:outbox:call:*"));
    const ids = ["0-99", ...entries.slice(0, 3).map(({ entryId }) => entryId)];
    proxy.swallowReplies();
    const outcome = change(store, ids);
    await vi.waitFor(async () => expect(await isDone()).toBe(true), PATIENCE);
    proxy.heal();
    proxy.cut();
    expect(await outcome).toEqual([false, true, true, true]);
    expect(await isDone()).toBe(true);
    expect((await redis.client.keys("jobs:outbox:call:*")).length).toBe(1);
    const [key = ""] = await redis.client.keys("jobs:outbox:call:*");
    const left = await redis.client.pttl(key);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(TIMEOUT_MS + 3000);
  });
});

describe.skipIf(!available)(title("Times of publications"), () => {
  const redis = new PrivateRedis();

  test("are kept for the latest 10,000 jobs, and a few more", async () => {
    const driver = redisDriver({ url: redis.url, timeoutMs: TIMEOUT_MS });
    const store = createJobStore({ job: report, driver });
    onTestFinished(() => store.close());
    const key = "jobs:outbox:published";
    const publish = async (round: string, count: number) => {
      const jobs = range(0, count).map((n) => ({
        data: { title: "One" },
        outbox: [{ queue: "reports", payload: n }],
        id: `${round}-${n}`,
      }));
      await store.createMany(jobs);
      await store.outbox.ack((await store.outbox.read({ limit: count })).map(({ entryId }) => entryId));
      expect(await redis.client.zscore(key, `${round}-0`)).not.toBeNull();
    };
    await redis.client.zadd(key, ...range(0, 12_000).flatMap((n) => [n, `old-${n}`]));
    // The test would end at its time limit if small acknowledgements never trimmed.
    for (let round = 0; (await redis.client.zcard(key)) > 10_000; round++) await publish(`small-${round}`, 20);
    expect(await redis.client.zcard(key)).toBe(10_000);
    expect(await redis.client.zscore(key, "old-0")).toBeNull();
    expect(await redis.client.zscore(key, "old-11999")).not.toBeNull();
    // Many messages at once are trimmed at once, so the set does not grow under a high load.
    for (const round of ["large-0", "large-1", "large-2"]) {
      await publish(round, 1_000);
      expect(await redis.client.zcard(key)).toBe(10_000);
    }
  });
});
