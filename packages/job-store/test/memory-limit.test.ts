import { expect, onTestFinished, test, vi } from "vitest";
import { createJobStore, type JobStore } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { claim, direct } from "../src/lib/contract/requests.js";
import { workerOf } from "../src/lib/contract/workers.js";
import { memoryDriver } from "../src/memory.js";

const LONG = 3_600_000;
const owner = (max: number) => ({ field: "owner", max }) as const;

/** Opens a store whose clock the test controls, in which job a runs and takes the only place, and the messages of the other jobs wait. */
async function openQueued(...others: readonly string[]): Promise<JobStore<Report>> {
  vi.useFakeTimers({ now: new Date("2026-01-01T00:00:00Z") });
  onTestFinished(() => void vi.useRealTimers());
  const store = createJobStore({ job: report, driver: memoryDriver() });
  onTestFinished(() => store.close());
  for (const id of ["a", ...others]) {
    await store.create({ title: "One", owner: "ann" }, { id });
    await claim(store, id, direct(id), { limit: owner(1), leaseMs: LONG });
  }
  return store;
}

const announce = (store: JobStore<Report>, max: number | null) =>
  store.announceWorker(workerOf(max === null ? {} : { limit: owner(max) }), [], LONG);

/** Lets time pass in which the store is reached, and returns the jobs whose messages were sent. */
async function after(store: JobStore<Report>, ms: number): Promise<readonly string[]> {
  for (let passed = 0; passed < ms; passed += 1000) {
    vi.advanceTimersByTime(1000);
    await store.renewLeases([], 1);
  }
  const entries = await store.outbox.read({ limit: 1000 });
  await store.outbox.ack(entries.map(({ entryId }) => entryId));
  return entries.map(({ jobId }) => jobId);
}

test("messages wait while a live worker limits the field, and are sent within a minute if none does", async () => {
  const store = await openQueued("b", "c");
  const worker = workerOf({ limit: owner(1) });
  await store.announceWorker(worker, [], LONG);
  expect(await after(store, 60_000)).toEqual([]);
  await announce(store, null);
  await store.announceWorker(worker, [], 0);
  expect(await after(store, 60_000)).toEqual(["b", "c"]);
});

test("a sent message that no worker claims holds its place for ten seconds, and the next one is sent by the check", async () => {
  const store = await openQueued("b", "c", "d");
  await announce(store, 1);
  await store.updateStatus("a", "done");
  expect(await after(store, 9_000)).toEqual(["b"]);
  await store.create({ title: "One", owner: "ann" }, { id: "late" });
  expect(await claim(store, "late", direct("late"), { limit: owner(1) })).toEqual({ kind: "limited" });
  expect(await after(store, 51_000)).toEqual(["c"]);
});

test("the check sends as many messages as the newest `max` allows", async () => {
  const store = await openQueued("b", "c", "d", "e");
  await announce(store, 3);
  await store.create({ title: "One", owner: "bob" }, { id: "x" });
  await claim(store, "x", direct("x"), { limit: owner(3), leaseMs: LONG });
  expect(await after(store, 60_000)).toEqual(["b", "c"]);
});

test("a message that is sent again and again without an answer is not lost", async () => {
  const store = await openQueued("b");
  await announce(store, 1);
  await store.updateStatus("a", "done");
  expect(await after(store, 20_000)).toEqual(["b"]);
  expect(await claim(store, "b", direct("b"), { limit: owner(1) })).toMatchObject({ kind: "claimed" });
});

test("the check sends a limited number of messages in one step", async () => {
  const ids = Array.from({ length: 250 }, (_, n) => `job-${n}`);
  const store = await openQueued(...ids);
  const counts = [];
  for (let n = 0; n < 4; n++) counts.push((await after(store, n === 0 ? 60_000 : 0)).length);
  expect(counts).toEqual([100, 100, 50, 0]);
});
