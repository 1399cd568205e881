import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { privateServer } from "../../../test/servers/require.js";
import type { JobStore } from "../src/index.js";
import type { Report } from "../src/lib/contract/definitions.js";
import { openStore, PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("Delayed messages"), { timeout: 120_000 }, () => {
  const redis = new PrivateRedis();

  /** Stores 100,000 delayed messages. */
  async function storeMany(store: JobStore<Report>, delayMs: number): Promise<void> {
    const outbox = Array.from({ length: 500 }, (_, payload) => ({ queue: "reports", payload, delayMs }));
    for (let n = 0; n < 200; n++) await store.create({ title: "One" }, { id: `job-${n}`, outbox });
  }

  /** Returns the commands that scripts run during a call, with their keys. Ids in the keys are left out. */
  async function commandsOf(call: () => Promise<unknown>): Promise<readonly string[]> {
    const sent = await redis.sentDuring(call);
    const commands = sent.flatMap(({ within }) =>
      within.map(([name, key = ""]) => `${name} ${key.replace(/(job|reader):.*/, "$1")}`),
    );
    // The record of a contact depends on the time since the last one.
    return commands.filter((command) => !/^HSET jobs:metadata$| jobs:gaps$/.test(command));
  }

  test("100,000 of them cost a read nothing: the server runs the same commands as without any", async () => {
    const { store } = openStore({ url: redis.url, timeoutMs: 60_000 });
    const read = async (payload: number) => {
      await store.create({ title: "One" }, { outbox: [{ queue: "reports", payload }] });
      const [entry] = await store.outbox.read();
      expect(entry?.payload).toBe(payload);
      await store.outbox.read();
      await store.outbox.ack([entry?.entryId ?? ""]);
      expect([await store.outbox.depth(), await store.outbox.oldest()]).toEqual([0, null]);
    };
    await read(0); // The scripts are loaded now.
    const without = await commandsOf(() => read(1));
    await storeMany(store, 3_600_000);
    expect(await store.outbox.scheduled()).toBe(100_000);
    expect(await commandsOf(() => read(2))).toEqual(without);
    expect(without.length).toBeGreaterThan(20);
  });

  test("100,000 due ones are returned in parts, and do not delay a message that is stored then", async () => {
    const { store } = openStore({ url: redis.url, timeoutMs: 60_000 });
    await storeMany(store, 1);
    await vi.waitFor(async () => expect(await store.outbox.scheduled()).toBe(0), PATIENCE);
    expect(await store.outbox.depth()).toBe(100_000);
    const commands = await commandsOf(() => store.outbox.read({ limit: 100, claimMs: 60_000 }));
    // For each message: its size and text, its move, and its claim.
    expect(commands.length).toBeLessThan(100 * 6 + 20);
    await store.create({ title: "Two" }, { outbox: [{ queue: "reports", payload: "ready" }] });
    const next = await store.outbox.read({ limit: 100, claimMs: 60_000 });
    expect(next).toHaveLength(100);
    expect(next[0]?.payload).toBe("ready");
    expect(await store.outbox.depth()).toBe(100_001);
  });

  test("large ones that are due together are moved a few at a time, and all are returned in order", async () => {
    const { store } = openStore({ url: redis.url, timeoutMs: 60_000 });
    const body = "x".repeat(900_000);
    for (let n = 0; n < 8; n++) {
      const outbox = [{ queue: "reports", payload: { n, body }, delayMs: 1 }];
      await store.create({ title: "One" }, { id: `job-${n}`, outbox });
    }
    await vi.waitFor(async () => expect(await store.outbox.scheduled()).toBe(0), PATIENCE);
    const seen: unknown[] = [];
    while (seen.length < 8) {
      const commands = await commandsOf(async () => {
        const entries = await store.outbox.read({ claimMs: 60_000 });
        seen.push(...entries.map(({ payload }) => (payload as { n: number }).n));
      });
      expect(commands.filter((command) => command === "XADD jobs:outbox").length).toBeLessThanOrEqual(1);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("of three shards are counted together, and returned within one second of their due times", async () => {
    const client = new Redis(redis.url, { lazyConnect: true });
    onTestFinished(() => client.disconnect());
    const { store } = openStore({ client, shards: 3, timeoutMs: 60_000 });
    const { store: other } = openStore({ client, shards: 3, timeoutMs: 60_000 });
    const ids = Array.from({ length: 30 }, (_, n) => `job-${n}`);
    const seen: string[] = [];
    const reading = (async () => {
      while (seen.length < ids.length) {
        seen.push(...(await store.outbox.read({ waitMs: 60_000, claimMs: 60_000 })).map(({ jobId }) => jobId));
      }
    })();
    const delayed = (delayMs: number) => ({ queue: "reports", payload: 1, delayMs });
    await other.createMany(
      ids.map((id, n) => ({ data: { title: "One" }, id, outbox: [delayed(300 + n), delayed(3_600_000)] })),
    );
    expect(await redis.client.keys("{jobs-?}:jobs:outbox:scheduled")).toHaveLength(3);
    await reading;
    expect(seen.toSorted()).toEqual(ids.toSorted());
    expect([await other.outbox.depth(), await other.outbox.scheduled()]).toEqual([30, 30]);
  });
});
