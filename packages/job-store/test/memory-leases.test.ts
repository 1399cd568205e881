import { expect, onTestFinished, test, vi } from "vitest";
import { createJobStore, createReporter, type JobStore, JobStoreError } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { claim, claimed, createClaimed, direct, take } from "../src/lib/contract/requests.js";
import { memoryDriver } from "../src/memory.js";

const LEASE = 15_000;
const HOUR = 3_600_000;

/** Opens a store whose clock the test controls. */
function setUp() {
  vi.useFakeTimers({ now: new Date("2026-01-01T00:00:00Z") });
  onTestFinished(() => void vi.useRealTimers());
  const driver = memoryDriver();
  const store = createJobStore({ job: report, driver });
  onTestFinished(() => store.close());
  return { driver, store };
}

/** Lets time pass in which a worker contacts the store every two seconds. */
async function pass(store: JobStore<Report>, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 2000) {
    await vi.advanceTimersByTimeAsync(Math.min(2000, ms - passed));
    await store.renewLeases([], LEASE);
  }
}

async function leasedUntil(store: JobStore<Report>, id: string): Promise<number | null> {
  return (await store.get(id))?.leasedUntil?.getTime() ?? null;
}

test("a waiting reader receives the stored message at the millisecond at which the lease ends", async () => {
  const { store } = setUp();
  const read = store.outbox.read({ waitMs: HOUR });
  await vi.advanceTimersByTimeAsync(500);
  const { origin } = await createClaimed(store, "a", direct(), { leaseMs: LEASE });
  const end = Date.now() + LEASE;
  await vi.advanceTimersByTimeAsync(LEASE - 1);
  expect(await leasedUntil(store, "a")).toBe(end);
  await vi.advanceTimersByTimeAsync(1);
  expect(await read).toMatchObject([{ ...direct(), origin, at: new Date(end) }]);
  expect(await leasedUntil(store, "a")).toBeNull();
});

test("a reader that waits keeps the store reachable: it gets the job of a worker that died", async () => {
  const { store } = setUp();
  await createClaimed(store, "a", direct(), { leaseMs: 10 * 60_000 });
  const read = store.outbox.read({ waitMs: HOUR });
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(await read).toMatchObject([direct()]);
});

test("after a time without contacts, each lease has the time left that it had before", async () => {
  const { store } = setUp();
  await createClaimed(store, "a", direct(), { leaseMs: LEASE });
  await pass(store, 4000);
  await vi.advanceTimersByTimeAsync(8 * HOUR);
  const end = Date.now() + LEASE - 4000;
  expect(await leasedUntil(store, "a")).toBe(end);
  expect(await take(store)).toEqual([]);
  expect(await leasedUntil(store, "a")).toBe(end);
  await pass(store, LEASE - 4001);
  expect(await take(store)).toEqual([]);
  expect(await claim(store, "a", direct("m-2"))).toEqual({ kind: "leased" });
  await vi.advanceTimersByTimeAsync(1);
  expect(await take(store)).toMatchObject([direct()]);
});

test("a gap of five seconds counts, and a longer one does not", async () => {
  const { store } = setUp();
  await createClaimed(store, "a", direct(), { leaseMs: 5000 });
  await createClaimed(store, "b", direct(), { leaseMs: 5001 });
  await vi.advanceTimersByTimeAsync(5000);
  expect(await take(store)).toMatchObject([{ jobId: "a" }]);
  await vi.advanceTimersByTimeAsync(5001);
  expect(await take(store)).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await take(store)).toMatchObject([{ jobId: "b" }]);
});

test("claims, renewals without jobs and reads of the outbox are contacts, and other calls are not", async () => {
  const calls: Record<string, (store: JobStore<Report>) => Promise<unknown>> = {
    claim: (store) => claim(store, "none"),
    renewLeases: (store) => store.renewLeases([], 1),
    read: (store) => store.outbox.read(),
    get: (store) => store.get("a"),
    updateStatus: (store) => store.updateStatus("b", "working"),
  };
  const counted: string[] = [];
  for (const [name, call] of Object.entries(calls)) {
    const { store } = setUp();
    await store.create({ title: "Two" }, { id: "b" });
    await createClaimed(store, "a", direct(), { leaseMs: 8000 });
    await vi.advanceTimersByTimeAsync(4000);
    await call(store);
    await vi.advanceTimersByTimeAsync(4000);
    if ((await take(store)).length > 0) counted.push(name);
  }
  expect(counted).toEqual(["claim", "renewLeases", "read"]);
});

test("a time in which the driver is unavailable does not count, also for a reader that waits", async () => {
  const { driver, store } = setUp();
  await createClaimed(store, "a", direct(), { leaseMs: LEASE });
  const read = store.outbox.read({ waitMs: HOUR }).catch((error: unknown) => error);
  driver.faults.goAway();
  await vi.advanceTimersByTimeAsync(HOUR);
  expect(JobStoreError.is(await read, "UNAVAILABLE")).toBe(true);
  driver.faults.comeBack();
  expect(await take(store)).toEqual([]);
  await pass(store, LEASE - 1);
  expect(await take(store)).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await take(store)).toMatchObject([direct()]);
});

test("a jump of the clock does not count, forwards and backwards", async () => {
  const { store } = setUp();
  for (const jump of [HOUR, -HOUR]) {
    const id = `job${jump}`;
    await createClaimed(store, id, direct(), { leaseMs: LEASE });
    await pass(store, 4000);
    vi.setSystemTime(Date.now() + jump);
    expect(await take(store)).toEqual([]);
    expect(await leasedUntil(store, id)).toBe(Date.now() + LEASE - 4000);
    await pass(store, LEASE - 4001);
    expect(await take(store)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await take(store)).toMatchObject([{ jobId: id }]);
  }
});

test("a lease that no worker owns ends at its time by the clock, after any outage", async () => {
  const { store } = setUp();
  const { job } = await createClaimed(store, "a");
  const { leasedUntil } = await store.updateStatus(job, "working", { leaseMs: HOUR, failedAttempt: true });
  expect(leasedUntil).toEqual(new Date(Date.now() + HOUR));
  await vi.advanceTimersByTimeAsync(HOUR - 1);
  expect(await take(store)).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await take(store)).toMatchObject([direct()]);
});

test("a renewal counts from the renewal", async () => {
  const { store } = setUp();
  const { job } = await createClaimed(store, "a", direct(), { leaseMs: LEASE });
  for (let heartbeat = 0; heartbeat < 20; heartbeat++) {
    await pass(store, 3000);
    expect(await store.renewLeases([job], LEASE)).toEqual([true]);
  }
  expect(await leasedUntil(store, "a")).toBe(Date.now() + LEASE);
  await pass(store, LEASE);
  expect(await take(store)).toMatchObject([direct()]);
  expect(await claimed(store, "a")).toMatchObject({ expiredLeases: 1 });
});

test("2,000 leases end in the order of their times", async () => {
  const { store } = setUp();
  const times = Array.from({ length: 2000 }, (_, n) => 1 + ((n * 7919) % 4999));
  for (const [n, leaseMs] of times.entries()) await createClaimed(store, `job-${n}`, direct(), { leaseMs });
  await vi.advanceTimersByTimeAsync(5000);
  const ended: number[] = [];
  for (let page = 0; page < 20; page++) {
    for (const { jobId } of await take(store)) ended.push(times[Number(jobId.slice(4))] as number);
  }
  expect(ended).toHaveLength(2000);
  expect(ended).toEqual(ended.toSorted((a, b) => a - b));
});

test("a job that is created again has a later `createdAt`, also if the clock went back", async () => {
  const { store } = setUp();
  const { job: first } = await store.create({ title: "One" }, { id: "a" });
  await store.delete("a");
  vi.setSystemTime(Date.now() - HOUR);
  const { job: second } = await store.create({ title: "Two" }, { id: "a" });
  expect(second.createdAt.getTime()).toBe(first.createdAt.getTime() + 1);
  // The creation times of jobs with other ids are those of the clock.
  expect((await store.create({ title: "Three" }, { id: "b" })).job.createdAt).toEqual(new Date());
});

test("the creation times of many deleted jobs are remembered", async () => {
  const { store } = setUp();
  const { job: first } = await store.create({ title: "One" }, { id: "a" });
  await store.delete("a");
  for (let n = 0; n < 10_001; n++) {
    await store.create({ title: "Another" }, { id: `job-${n}` });
    await store.delete(`job-${n}`);
  }
  const { job: second } = await store.create({ title: "Two" }, { id: "a" });
  expect(second.createdAt.getTime()).toBeGreaterThan(first.createdAt.getTime());
});

test("lost replies: each write of a lease counts, and can be repeated", async () => {
  const { driver, store } = setUp();
  /** Makes a call whose reply is lost, and makes it again. */
  const twice = async <R>(call: () => Promise<R>): Promise<R> => {
    driver.faults.loseReplies();
    await expect(call()).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
    return call();
  };
  await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
  const [entry] = await take(store);
  const message = { ...direct(), id: entry?.id ?? "", origin: entry?.origin ?? "" };

  const first = await twice(() => claim(store, "a", message, { key: "k-1" }));
  expect(first).toMatchObject({ kind: "claimed", expiredLeases: 0, job: { version: 2 } });
  expect(await twice(() => claim(store, "a", direct("m-2")))).toEqual({ kind: "leased" });
  if (first.kind !== "claimed") return expect.fail(first.kind);
  expect(await twice(() => store.renewLeases([first.job], LEASE))).toEqual([true]);
  const retry = { leaseMs: LEASE, failedAttempt: true, key: "k-2", by: "worker" } as const;
  expect(await twice(() => store.updateStatus(first.job, "working", retry))).toMatchObject({ version: 3 });
  await pass(store, LEASE);
  expect(await take(store)).toHaveLength(1);
  const second = await twice(() => claim(store, "a", message, { key: "k-3" }));
  expect(second).toMatchObject({ kind: "claimed", failedAttempts: 1, expiredLeases: 0 });
  if (second.kind !== "claimed") return expect.fail(second.kind);
  const outcome = { handled: true, key: "k-4", outbox: [{ queue: "others", payload: 1 }] } as const;
  expect(await twice(() => store.updateStatus(second.job, "checking", outcome))).toMatchObject({ version: 5 });
  expect((await take(store)).map(({ queue }) => queue)).toEqual(["others"]);
  // A cancel between the two calls: the job is not claimed.
  driver.faults.loseReplies();
  await expect(claim(store, "a", direct("m-3"), { key: "k-5" })).rejects.toMatchObject({ indeterminate: true });
  await store.updateStatus("a", "failed");
  expect(await claim(store, "a", direct("m-3"), { key: "k-5" })).toEqual({ kind: "moved" });
});

test("calls that change no lease lose no reply", async () => {
  const { driver, store } = setUp();
  const { job } = await createClaimed(store, "a");
  driver.faults.loseReplies();
  expect(await claim(store, "a", direct())).toEqual({ kind: "leased" });
  expect(await claim(store, "none")).toEqual({ kind: "missing" });
  expect(await store.renewLeases([{ ...job, version: 9 }], LEASE)).toEqual([false]);
  await expect(store.renewLeases([job], 0)).rejects.toMatchObject({ indeterminate: true });
});

test("a reporter passes on the options of a change that concern leases", async () => {
  const { store } = setUp();
  const { job } = await createClaimed(store, "a");
  await using reporter = createReporter(store);
  expect(await reporter.report(job, "working", { leaseMs: HOUR, failedAttempt: true, handled: true })).toBe("stored");
  expect(await leasedUntil(store, "a")).toBe(Date.now() + HOUR);
  expect(await claim(store, "a")).toEqual({ kind: "handled" });
  // The next change of the snapshot finds the job in the status of the previous one.
  expect(await reporter.report(job, "checking")).toBe("stored");
  expect(await reporter.report(job, "done")).toBe("stored");
});
