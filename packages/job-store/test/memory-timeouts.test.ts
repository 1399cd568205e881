import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createJobStore, type JobStoreOptions, type StoreEvent } from "../src/index.js";
import { type Timed, timed } from "../src/lib/contract/timeouts.js";
import { type MemoryDriver, memoryDriver } from "../src/memory.js";

/** Time limit of all statuses of the definition, in milliseconds. */
const LIMIT_MS = 1000;
/** Longest time from the end of a time limit to the change. */
const LATE_MS = 10_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(driver: MemoryDriver, options: Partial<JobStoreOptions<Timed>> = {}) {
  const store = createJobStore({ job: timed, driver, ...options });
  onTestFinished(() => store.close());
  return store;
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const message = { queue: "workers", id: "m", payload: 1 };
const claim = { from: ["waiting"], leaseMs: 15_000, key: "k", message } as const;

describe("timeouts of the memory driver", () => {
  test("a running, retrying or postponed job never times out", async () => {
    const store = open(memoryDriver());
    for (const id of ["running", "retrying", "postponed"]) {
      await store.create({ title: "One" }, { id });
      const claimed = await store.claim(id, "working", { ...claim, key: id });
      if (claimed.kind !== "claimed") return expect.fail("the job was not claimed");
      if (id === "retrying") await store.updateStatus(claimed.job, "working", { leaseMs: 60_000, failedAttempt: true });
      if (id === "postponed") await store.updateStatus(claimed.job, "working", { leaseMs: 3_600_000 });
    }
    const running = await store.get("running");
    for (let ms = 0; ms < 59_000 && running !== null; ms += 3000) {
      await store.renewLeases([running], 15_000);
      await pass(3000);
    }
    expect(await store.counts()).toMatchObject({ working: 3 });
    await pass(15_000 + LATE_MS);
    expect(await store.counts()).toMatchObject({ working: 1, failed: 2 });
    expect(await store.get("postponed")).toMatchObject({ status: "working" });
    await pass(3_600_000);
    expect(await store.get("postponed")).toMatchObject({ status: "failed", error: { code: "TIMEOUT" } });
  });

  test("a timeout to a status that is not final sends the messages of this status", async () => {
    const store = open(memoryDriver());
    await pass(2000);
    await store.create({ title: "One" }, { id: "a" });
    for (const to of ["working", "checking"] as const) await store.updateStatus("a", to);
    await pass(2000);
    expect(await store.get("a")).toMatchObject({ status: "working", version: 4 });
    expect((await store.outbox.read()).map(({ id }) => id)).toEqual(["a.2.0", "a.4.0"]);
  });

  test("an outage, or time without any process, does not count", async () => {
    const driver = memoryDriver();
    const store = open(driver);
    await store.create({ title: "One" }, { id: "a" });
    await pass(500);
    driver.faults.goAway();
    await pass(35 * 60_000);
    driver.faults.comeBack();
    expect(await store.get("a")).toMatchObject({ status: "waiting" });
    await store.updateProgress("a", { done: 0 });
    await store.close();
    vi.setSystemTime(Date.now() + 12 * 3_600_000);
    const next = open(driver);
    await pass(2000);
    expect(await next.get("a")).toMatchObject({ status: "waiting" });
    await pass(LATE_MS);
    expect(await next.get("a")).toMatchObject({ status: "failed" });
  });

  test("a clock that goes back does not count, and delays no timeout", async () => {
    const store = open(memoryDriver());
    await pass(2000);
    await store.create({ title: "One" }, { id: "before" });
    await pass(500);
    vi.setSystemTime(Date.now() - 3_600_000);
    await store.create({ title: "One" }, { id: "after" });
    await pass(LIMIT_MS + LATE_MS);
    expect(await store.counts()).toMatchObject({ waiting: 0, failed: 2 });
  });

  test("another store enforces them within 20 s if the first one has ended", async () => {
    const driver = memoryDriver();
    const first = open(driver);
    await pass(1000);
    const second = open(driver);
    await pass(4000);
    await first.create({ title: "One" }, { id: "a" });
    await first.close();
    await pass(LIMIT_MS + 2 * LATE_MS);
    expect(await second.get("a")).toMatchObject({ status: "failed", version: 2 });
  });

  test("a store with `timeouts: false` enforces none", async () => {
    const driver = memoryDriver();
    const store = open(driver, { timeouts: false });
    await store.create({ title: "One" }, { id: "a" });
    await pass(60_000);
    expect(await store.get("a")).toMatchObject({ status: "waiting" });
    expect(vi.getTimerCount()).toBe(0);
    expect(() => open(driver, { timeouts: 1 as never })).toThrow(/`timeouts` must be true or false/);
  });

  test("health warns of a timeout that was not checked for more than 20 s", async () => {
    const driver = memoryDriver();
    const enforcing = open(driver);
    await pass(2000);
    await enforcing.close();
    const store = open(driver, { timeouts: false });
    await store.create({ title: "One" }, { id: "a" });
    // A relay that waits keeps the storage in contact.
    const reading = store.outbox.read({ waitMs: 60_000 });
    await pass(LIMIT_MS + 19_000);
    expect((await store.health()).warnings).toEqual([]);
    await pass(2000);
    expect((await store.health()).warnings).toEqual([expect.stringMatching(/timeout of a job .* 2\d s ago/)]);
    await pass(60_000);
    expect(await reading).toEqual([]);
  });

  test("enforcement ends with the store, and reports that it fails without an unhandled rejection", async () => {
    const driver = memoryDriver();
    const events: StoreEvent[] = [];
    const store = open(driver, { onEvent: (event) => events.push(event) });
    await store.create({ title: "One" }, { id: "a" });
    driver.faults.goAway();
    await pass(60_000);
    const warnings = events.filter(({ type }) => type === "warning");
    expect(warnings.map((event) => event.message)).toEqual([expect.stringContaining("are not enforced")]);
    driver.faults.comeBack();
    await pass(LATE_MS);
    expect(await store.get("a")).toMatchObject({ status: "failed" });
    const timers = vi.getTimerCount();
    await store.close();
    expect(vi.getTimerCount()).toBe(timers - 1);
  });

  test("a lost reply to the change of an overdue job does not change it twice", async () => {
    const driver = memoryDriver();
    const store = open(driver);
    await store.create({ title: "One", owner: "Ann" }, { id: "a" });
    driver.faults.loseReplies(1);
    await pass(LIMIT_MS + LATE_MS);
    expect(await store.get("a")).toMatchObject({ status: "failed", version: 2 });
    expect((await store.outbox.read()).map(({ id }) => id)).toEqual(["a.2.0"]);
  });
});
