import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { JobStore } from "../src/index.js";
import type { Report } from "../src/lib/contract/definitions.js";
import { claim, claimed, direct, MINUTE, SHORT, take } from "../src/lib/contract/requests.js";
import { workerOf } from "../src/lib/contract/workers.js";
import { openStore, PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

const owner = (max: number) => ({ field: "owner", max }) as const;
const LISTS = "jobs:limits:lists";

describe.skipIf(!available)(title("Limits per key in Redis"), { timeout: 120_000 }, () => {
  const redis = new PrivateRedis();

  /** Opens a store in which job a runs and takes the only place, and the messages of the other jobs wait. */
  async function openQueued(...others: readonly string[]) {
    const { store } = openStore({ url: redis.url });
    for (const id of ["a", ...others]) {
      await store.create({ title: "One", owner: "ann" }, { id });
      const { kind } = await claim(store, id, direct(id), { limit: owner(1) });
      expect(kind).toBe(id === "a" ? "claimed" : "limited");
    }
    return store;
  }

  /** Lets the time of each check come. */
  async function checkNow(): Promise<void> {
    for (const list of await redis.client.zrange(LISTS, 0, "-1")) await redis.client.zadd(LISTS, 0, list);
  }

  const sent = async (store: JobStore<Report>) => (await take(store)).map(({ jobId }) => jobId);

  test("each list is checked once a minute: by the newest maximum, and without one if no live worker limits the field", async () => {
    const store = await openQueued("b", "c", "d", "e");
    const at = Date.now();
    expect(Number(await redis.client.zscore(LISTS, 'owner="ann"\t"reports"'))).toBeLessThanOrEqual(at + MINUTE + 1000);
    const worker = workerOf({ limit: owner(1) });
    await store.announceWorker(worker, [], MINUTE);
    await checkNow();
    expect(await sent(store)).toEqual([]);
    expect(Number(await redis.client.zscore(LISTS, 'owner="ann"\t"reports"'))).toBeGreaterThanOrEqual(at + MINUTE);
    await store.create({ title: "One", owner: "bob" }, { id: "x" });
    await claimed(store, "x", direct("x"), { limit: owner(2) });
    await checkNow();
    expect(await sent(store)).toEqual(["b"]);
    await store.announceWorker(workerOf({ limit: owner(1) }), [], 1);
    await redis.client.hset("jobs:limits:rules", "owner", Date.now() - 1);
    await checkNow();
    expect(await sent(store)).toEqual(["c", "d", "e"]);
    expect(await redis.client.zcard(LISTS)).toBe(1);
    await checkNow();
    expect(await sent(store)).toEqual([]);
    expect(await redis.client.zcard(LISTS)).toBe(0);
  });

  test("one step sends a limited number of messages, and the next one continues", async () => {
    const ids = Array.from({ length: 250 }, (_, n) => `job-${n}`);
    const store = await openQueued(...ids);
    await checkNow();
    const steps = [];
    for (let step = 0; step < 4; step++) steps.push(await store.outbox.read({ limit: 1 }));
    expect(await redis.client.xlen("jobs:outbox")).toBe(250);
    expect(steps.map((entries) => entries[0]?.jobId)).toEqual(ids.slice(0, 4));
  });

  test("a store that was opened before the first limit frees places, too", async () => {
    const { store: other } = openStore({ url: redis.url });
    await other.create({ title: "One" }, { id: "x" });
    expect(await redis.client.hget("jobs:metadata", "limits")).toBeNull();
    const store = await openQueued("b");
    await other.updateStatus("a", "done");
    expect(await sent(store)).toEqual(["b"]);
    await claimed(other, "x", direct("x"));
    expect(await redis.client.hget("jobs:metadata", "limits")).toBe("1");
  });

  test("when all jobs have ended, nothing is left", async () => {
    const store = await openQueued("b", "c");
    for (const id of ["a", "b", "c"]) {
      if (id !== "a") await claimed(store, id, direct(id), { limit: owner(1) });
      await store.updateStatus(id, "done");
      expect(await sent(store)).toEqual(id === "a" ? ["b"] : id === "b" ? ["c"] : []);
    }
    expect(await redis.client.zcard("jobs:limits")).toBe(0);
    expect(await redis.client.hlen("jobs:work:messages")).toBe(0);
    await checkNow();
    await sent(store);
    expect(await redis.client.zcard(LISTS)).toBe(0);
  });

  test("a renewal writes nothing for a limit, and a claim without one reads nothing for it", async () => {
    const store = await openQueued("b");
    const job = await store.get("a");
    await store.create({ title: "One", owner: "ann" }, { id: "x" });
    const commands = await redis.sentDuring(async () => {
      if (job !== null) expect(await store.renewLeases([job], MINUTE)).toEqual([true]);
      await claimed(store, "x", direct("x"));
    });
    const used = commands.flatMap(({ within }) => within).filter((args) => args[1]?.startsWith("jobs:limits"));
    expect(used).toEqual([]);
  });

  test("an audit frees the places of jobs whose keys were deleted, and deletes their messages", async () => {
    const store = await openQueued("b", "c");
    await redis.client.del("job:a", "job:b");
    const { staleInIndex, repaired } = await store.audit({ repair: true });
    expect([staleInIndex, repaired]).toEqual([2, 2]);
    expect(await sent(store)).toEqual(["c"]);
    expect(await redis.client.hkeys("jobs:work:messages")).toEqual([]);
    await claimed(store, "c", direct("c"), { limit: owner(1) });
  });

  test("a job that expires frees its place, also if another job gets its id at once", async () => {
    const store = await openQueued("b", "c");
    await redis.client.pexpire("job:a", 1);
    await redis.client.pexpire("job:b", 1);
    await vi.waitFor(async () => expect(await store.getMany(["a", "b"])).toEqual([null, null]), PATIENCE);
    for (const id of ["b", "a"]) {
      await store.create({ title: "One", owner: "bob" }, { id });
      await claimed(store, id, direct("another"), { limit: owner(5) });
    }
    expect(await sent(store)).toEqual(["c"]);
    expect(await redis.client.zrange("jobs:limits", 0, "-1")).toEqual([
      expect.stringMatching(/^owner="ann"\th\d{13}\t"reports"\tc$/),
      'owner="bob"\tra',
      'owner="bob"\trb',
    ]);
  });

  test("a lease that is over frees its place when the outbox is read, without any other call", async () => {
    const store = await openQueued("b");
    const job = await store.get("a");
    if (job !== null) await store.renewLeases([job], SHORT);
    const entries = await vi.waitUntil(async () => {
      const read = await take(store);
      return read.length > 0 && read;
    }, PATIENCE);
    expect(entries.map(({ jobId }) => jobId).toSorted()).toEqual(["a", "b"]);
  });

  test("a claim whose reply is lost is limited only once", async () => {
    const store = await openQueued();
    const proxy = await startTcpProxy({ url: redis.url });
    onTestFinished(() => proxy.close());
    const { store: other } = openStore({ url: proxy.url, timeoutMs: 60_000 });
    for (const id of ["b", "c"]) await store.create({ title: "One", owner: "ann" }, { id });
    // The server has the script before replies are lost.
    expect(await claim(other, "a", direct("a"), { limit: owner(1) })).toEqual({ kind: "leased" });
    proxy.swallowReplies();
    const answer = claim(other, "b", direct("b"), { limit: owner(1) });
    await vi.waitFor(async () => expect(await redis.client.hexists("jobs:work", "b")).toBe(1), PATIENCE);
    proxy.heal();
    proxy.cut();
    expect(await answer).toEqual({ kind: "limited" });
    expect(await claim(store, "c", direct("c"), { limit: owner(1) })).toEqual({ kind: "limited" });
    await store.updateStatus("a", "done");
    expect(await sent(store)).toEqual(["b"]);
  });
});
