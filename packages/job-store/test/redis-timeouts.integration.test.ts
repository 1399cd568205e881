import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { createJobStore, type Job, type JobStorage } from "../src/index.js";
import { imported } from "../src/lib/contract/definitions.js";
import { PATIENCE } from "../src/lib/contract/expectations.js";
import { type Timed, timed } from "../src/lib/contract/timeouts.js";
import { redisDriver } from "../src/redis.js";

const { url, prefix, title } = server("redis");
const LIMIT_MS = 1000;
const HOUR_MS = 3_600_000;

/** Opens a store, its storage, and a client for its keys. */
async function openPlace() {
  const keyPrefix = `${prefix}${randomUUID()}:`;
  const address = url ?? "";
  const driver = redisDriver({ url: address, keyPrefix, timeoutMs: 60_000 });
  const opened: JobStorage[] = [];
  const open: typeof driver.open = (config) => {
    const storage = driver.open(config);
    opened.push(storage);
    return storage;
  };
  const store = createJobStore({ job: timed, driver: { ...driver, open }, timeouts: false });
  const client = new Redis(address, { keyPrefix });
  onTestFinished(async () => {
    client.disconnect();
    await store.close();
    await removeKeys(address, keyPrefix);
  });
  const [storage] = opened as [JobStorage];
  const overdue = async (owner = "one") => (await storage.findOverdue(owner)).jobs.map(({ id }) => id);
  await overdue();
  /** Changes the cursors of the enforcement. */
  const changeCursors = async (change: (state: Cursors) => void) => {
    const state: Cursors = JSON.parse((await client.hget("jobs:metadata", "timeouts")) ?? "");
    change(state);
    await client.hset("jobs:metadata", "timeouts", JSON.stringify(state));
  };
  return { store, storage, client, overdue, changeCursors };
}

interface Cursors {
  ran: string;
  codes: Record<string, { since: string; at: string; reached: string }>;
}

/** Returns a job that entered its status at this time. */
const entered = (id: string, at: Date) =>
  imported(id, { createdAt: at, statusAt: at, updatedAt: at }) as unknown as Job<Timed>;

describe.skipIf(url === null)(title("Timeouts in Redis"), () => {
  test("after the clock went back, jobs that enter a status before the position of the cursor are found", async () => {
    const { store, overdue, changeCursors } = await openPlace();
    const ahead = String(Date.now() + HOUR_MS);
    await changeCursors((state) => {
      state.ran = ahead;
      for (const place of Object.values(state.codes)) Object.assign(place, { at: ahead, reached: ahead });
    });
    await store.create({ title: "One" }, { id: "a" });
    await vi.waitFor(async () => expect(await overdue()).toEqual(["a"]), PATIENCE);
    await store.updateStatus("a", "failed");
    await store.create({ title: "One" }, { id: "b" });
    await vi.waitFor(async () => expect(await overdue()).toEqual(["b"]), PATIENCE);
  });

  test("a gap in which no process reached the server does not count", async () => {
    const { store, client, overdue, changeCursors } = await openPlace();
    const begin = Date.now() - HOUR_MS;
    await store.save(entered("a", new Date(begin)));
    await changeCursors((state) => {
      for (const place of Object.values(state.codes)) place.since = "0";
    });
    // The last contact was 900 ms after the job entered its status.
    await client.hset("jobs:metadata", { contact: begin + 900, away: 0 });
    const back = Date.now();
    expect(await overdue()).toEqual([]);
    await vi.waitFor(async () => expect(await overdue()).toEqual(["a"]), PATIENCE);
    expect(Date.now() - back).toBeGreaterThanOrEqual(LIMIT_MS - 900);
  });

  test("a store that is paused while it enforces timeouts is replaced", async () => {
    const { storage, client } = await openPlace();
    expect(await storage.findOverdue("two")).toMatchObject({ owned: false });
    const left = await client.pttl("jobs:timeouts:owner");
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(10_000);
    await client.pexpire("jobs:timeouts:owner", 1);
    await vi.waitFor(async () => expect(await storage.findOverdue("two")).toMatchObject({ owned: true }), PATIENCE);
    expect(await storage.findOverdue("one")).toMatchObject({ owned: false });
  });

  test("a job that an audit returns to the index is found, although the cursor has passed it", async () => {
    const { store, client, overdue } = await openPlace();
    await store.create({ title: "One" }, { id: "a" });
    await vi.waitFor(async () => expect(await overdue()).toEqual(["a"]), PATIENCE);
    await client.del("jobs:by-status", "jobs:timeouts:deferred");
    expect(await overdue()).toEqual([]);
    expect(await store.audit({ repair: true })).toMatchObject({ missingFromIndex: 1 });
    await vi.waitFor(async () => expect(await overdue()).toEqual(["a"]), PATIENCE);
  });

  test("a record that is deleted or overwritten is not checked again", async () => {
    const { store, client, overdue } = await openPlace();
    for (const id of ["gone", "list", "text", "live"]) await store.create({ title: "One" }, { id });
    await client.del("job:gone", "job:list");
    await client.rpush("job:list", "x");
    await client.set("job:text", "not a record");
    await vi.waitFor(async () => expect(await overdue()).toEqual(["live"]), PATIENCE);
    await vi.waitFor(async () => {
      await overdue();
      expect(await client.zrange("jobs:timeouts:deferred", 0, "-1")).toEqual(["live"]);
    }, PATIENCE);
  });

  test("entering a status, progress and the renewal of a lease write nothing for the timeout", async () => {
    const { store, client } = await openPlace();
    const state = async () => [
      await client.hget("jobs:metadata", "timeouts"),
      await client.zcard("jobs:timeouts:deferred"),
    ];
    const before = await state();
    await store.create({ title: "One" }, { id: "a" });
    const message = { queue: "workers", id: "m", payload: 1 };
    const claimed = await store.claim("a", "working", { from: ["waiting"], leaseMs: 60_000, key: "k", message });
    await store.updateProgress("a", { done: 0 });
    if (claimed.kind === "claimed") await store.renewLeases([claimed.job], 60_000);
    expect(await state()).toEqual(before);
  });

  test("health warns if a timeout was not checked for more than 20 s", async () => {
    const { store, client } = await openPlace();
    await store.create({ title: "One" }, { id: "a" });
    expect((await store.health()).warnings.filter((text) => text.includes("timeout"))).toEqual([]);
    await client.zadd("jobs:timeouts:deferred", Date.now() - 30_000, "a");
    expect((await store.health()).warnings).toContainEqual(expect.stringMatching(/timeout of a job .* 3\d s ago/));
  });
});
