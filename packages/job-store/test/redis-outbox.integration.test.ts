import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy, type TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, type OutboxEntry } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";
import { failureOf, PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

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
  async function start(timeoutMs: number) {
    const open = (url: string) => {
      const store = createJobStore({ job: report, driver: redisDriver({ url, timeoutMs }) });
      onTestFinished(() => store.close());
      return store;
    };
    const [store, other] = [open(proxy.url), open(redis.url)];
    const outbox = range(0, 30).map((payload) => ({ queue: "reports", payload }));
    await other.create({ title: "One" }, { id: "a", outbox });
    const read = async (limit: number) => {
      const entries = await store.outbox.read({ limit, claimMs: 60_000 });
      await store.outbox.ack(entries.map(({ entryId }) => entryId));
      return payloads(entries);
    };
    expect(await read(5)).toEqual(range(0, 5));
    return { store, other, read };
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
    const { read } = await start(10_000);
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
    const { read } = await start(300);
    const { outcome } = await losing(() => read(10));
    expect(await failureOf(outcome)).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
    mend();
    const all: unknown[] = [];
    await vi.waitFor(async () => {
      all.push(...(await read(limit)));
      expect(all).toHaveLength(25);
    }, PATIENCE);
    expect(all).toEqual(range(5, 30));
  });

  test("before the deadline: the call returns delayed messages that it made available", async () => {
    const { other, read } = await start(10_000);
    const outbox = range(30, 40).map((payload) => ({ queue: "reports", payload, delayMs: 1 }));
    await other.updateStatus("a", "working", { outbox });
    await vi.waitFor(async () => expect(await other.outbox.scheduled()).toBe(0), PATIENCE);
    const { outcome } = await losing(() => read(100));
    mend();
    expect(await outcome).toEqual(range(5, 40));
    expect(await other.outbox.depth()).toBe(0);
  });

  test("an entry that another reader has acknowledged meanwhile is not claimed again", async () => {
    const { store, other, read } = await start(300);
    const { outcome } = await losing(() => store.outbox.read({ limit: 10, claimMs: 1 }));
    await failureOf(outcome);
    const taken = await other.outbox.read({ limit: 4, claimMs: 60_000 });
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
    const { store } = await start(10_000);
    const { outcome } = await losing(() =>
      Promise.all(range(0, 5).map(() => store.outbox.read({ limit: 3, claimMs: 60_000 }))),
    );
    mend();
    const read = (await outcome).flatMap(payloads);
    expect(new Set(read).size).toBe(15);
    expect((await store.outbox.read({ limit: 100 })).map(({ payload }) => payload)).toEqual(range(20, 30));
  });

  test("no key of a reader remains after its claims have expired", async () => {
    const { store } = await start(1000);
    await store.outbox.ack((await store.outbox.read({ claimMs: 50 })).map(({ entryId }) => entryId));
    await vi.waitFor(async () => expect(await redis.client.keys("jobs:outbox:reader:*")).toEqual([]), PATIENCE);
  });
});
