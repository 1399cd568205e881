import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createJobStore, JobStoreError } from "../src/index.js";
import { eventsRemoved, LOG_RESET } from "../src/lib/driver-rules.js";
import { MemoryEventLog } from "../src/lib/memory/memory-event-log.js";
import { memoryDriver } from "../src/memory.js";
import { testDriver } from "../src/testing.js";
import { errand } from "./errand.js";
import { runBuilt } from "./run-built.js";

testDriver("memory", async () => ({ driver: memoryDriver() }));

test("memory driver: health warns of a message that has waited for a long time, and is still healthy", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const store = createJobStore({ job: errand, driver: memoryDriver() });
  await store.create(null, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
  vi.setSystemTime(Date.now() + 60_000);
  expect((await store.health()).warnings).toEqual([]);
  vi.setSystemTime(Date.now() + 14_000);
  const warning =
    "The oldest outbox message has been waiting for 74 s. Check that a relay is running and connected to its broker.";
  expect(await store.health()).toMatchObject({ status: "healthy", warnings: [warning] });
  // A claimed message is not published yet.
  const [entry] = await store.outbox.read();
  expect((await store.health()).warnings).toEqual([warning]);
  // The wait of a requeued entry starts again.
  await store.outbox.reject([entry?.entryId ?? ""], "No such queue.");
  await store.outbox.requeue([entry?.entryId ?? ""]);
  expect((await store.health()).warnings).toEqual([]);
});

test("memory driver: a delayed message wakes a waiting reader when it is due, also with fake timers", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const store = createJobStore({ job: errand, driver: memoryDriver() });
  let returned: readonly unknown[] | null = null;
  const read = store.outbox.read({ waitMs: 3_600_000 }).then((entries) => {
    returned = entries.map(({ payload }) => payload);
  });
  const outbox = [60_000, 30_000].map((delayMs) => ({ queue: "reports", payload: delayMs, delayMs }));
  await store.create(null, { id: "a", outbox });
  await vi.advanceTimersByTimeAsync(29_999);
  expect(returned).toBeNull();
  await vi.advanceTimersByTimeAsync(1);
  await read;
  expect(returned).toEqual([30_000]);
  // Health counts from the due time.
  vi.setSystemTime(Date.now() + 60_000);
  expect((await store.health()).warnings).toEqual([]);
  vi.setSystemTime(Date.now() + 1000);
  expect((await store.health()).warnings).toEqual([expect.stringContaining("has been waiting for 61 s")]);
});

describe("memory driver: maxJobs", () => {
  const openStore = (maxJobs: number) => createJobStore({ job: errand, driver: memoryDriver({ maxJobs }) });

  test("above the limit, a new job replaces the job that finished first", async () => {
    const store = openStore(4);
    for (const id of ["a", "b", "c", "d"]) await store.create(null, { id });
    for (const id of ["c", "a", "d"]) await store.updateStatus(id, "done");
    await store.create(null, { id: "e" });
    await store.create(null, { id: "f" });
    expect((await store.getMany(["a", "b", "c", "d", "e", "f"])).map((job) => job?.id)).toEqual([
      undefined,
      "b",
      undefined,
      "d",
      "e",
      "f",
    ]);
    expect(await store.counts()).toEqual({ todo: 3, done: 1 });
  });

  test("a retried job is not a finished job and is not replaced", async () => {
    const store = openStore(2);
    for (const id of ["a", "b"]) await store.create(null, { id });
    for (const id of ["a", "b"]) await store.updateStatus(id, "done");
    await store.updateStatus("a", "todo");
    await store.create(null, { id: "c" });
    expect((await store.getMany(["a", "b", "c"])).map((job) => job?.status)).toEqual(["todo", undefined, "todo"]);
  });

  test("without finished jobs, a new job fails with UNAVAILABLE, and nothing changes", async () => {
    const store = openStore(2);
    const [first] = [await store.create(null, { id: "a" }), await store.create(null, { id: "b" })];
    const outbox = [{ queue: "errands", payload: 1 }];
    const refusals = [store.create(null, { id: "c", outbox }), store.save({ ...first.job, id: "c" })];
    for (const refusal of refusals) {
      const error = await refusal.catch((reason: unknown) => reason);
      expect(JobStoreError.is(error, "UNAVAILABLE") && error.indeterminate).toBe(false);
      expect((error as Error).message).toContain("2 jobs (maxJobs)");
    }
    expect(await store.counts()).toEqual({ todo: 2, done: 0 });
    expect(await store.outbox.depth()).toBe(0);
  });

  test("existing jobs can still change at the limit", async () => {
    const store = openStore(1);
    const { job } = await store.create(null, { id: "a" });
    expect(await store.create(null, { id: "a" })).toEqual({ created: false, job });
    expect(await store.save(job)).toMatchObject({ version: 2 });
    expect(await store.updateStatus("a", "done")).toMatchObject({ version: 3 });
    expect((await store.create(null, { id: "b" })).created).toBe(true);
  });

  test("an invalid number is INVALID_ARGUMENT", () => {
    for (const maxJobs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "10"]) {
      expect(() => memoryDriver({ maxJobs: maxJobs as number })).toThrow(/`maxJobs` must be an integer/);
    }
  });
});

test("memory driver: two drivers share no jobs", async () => {
  const [one, other] = [memoryDriver(), memoryDriver()].map((driver) => createJobStore({ job: errand, driver }));
  await one?.create(null, { id: "a" });
  expect(await other?.get("a")).toBeNull();
});

test("memory driver: a job is absent when it expires, also before a timer has run", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const store = createJobStore({ job: errand, driver: memoryDriver(), ttlSeconds: { done: 60 } });
  for (const id of ["a", "b"]) await store.create(null, { id });
  const { expiresAt } = await store.updateStatus("a", "done");
  vi.setSystemTime(expiresAt as Date);
  expect(await store.counts()).toEqual({ todo: 1, done: 1 });
  vi.setSystemTime((expiresAt as Date).getTime() + 1);
  expect(await store.counts()).toEqual({ todo: 1, done: 0 });
  expect((await store.list()).items.map(({ id }) => id)).toEqual(["b"]);
  expect((await store.list({ status: "done" })).items).toEqual([]);
  expect(await store.get("a")).toBeNull();
});

test("memory driver: a gap in the event log has the same reason as with Redis", async () => {
  const log = new MemoryEventLog(() => ({ kind: "absent" }));
  const start = await log.tail();
  for (let n = 0; n < 11_000; n++) log.add({ type: "deleted", id: "a", at: 0 });
  const options = { limit: 1, waitMs: 0, signal: AbortSignal.abort() };
  expect((await log.after(start, options)).gap).toBe(eventsRemoved(1000));
  expect((await log.after({ ...start, log: "another" }, options)).gap).toBe(LOG_RESET);
});

test("memory driver: an unfinished watch does not keep the process alive after close", async () => {
  const { code, output } = await runBuilt(`
    import { createJobStore, defineJob } from "@subtitles/job-store";
    import { memoryDriver } from "@subtitles/job-store/memory";
    import * as z from "zod";
    const errand = defineJob({ name: "errand", data: z.null(), initial: "todo", statuses: { todo: { next: [] } } });
    const store = createJobStore({ job: errand, driver: memoryDriver() });
    await store.create(null, { id: "a" });
    const { value } = await store.watch("a").next();
    await store.close();
    console.log(value.type);
  `);
  expect(output).toBe("snapshot\n");
  expect(code).toBe(0);
});

test("memory driver: jobs with a TTL and ended waits do not keep the process alive", async () => {
  const { code, output } = await runBuilt(`
    import { createJobStore, defineJob } from "@subtitles/job-store";
    import { memoryDriver } from "@subtitles/job-store/memory";
    import * as z from "zod";
    const statuses = { todo: { next: ["done"], ttlSeconds: 3600 }, done: { next: [], ttlSeconds: 1800 } };
    const errand = defineJob({ name: "errand", data: z.null(), initial: "todo", statuses });
    const store = createJobStore({ job: errand, driver: memoryDriver() });
    await store.create(null, { id: "a" });
    await store.create(null, { id: "b" });
    const read = store.outbox.read({ waitMs: 3_600_000 });
    await store.updateStatus("b", "done", { outbox: [{ queue: "errands", payload: 1 }] });
    await read;
    console.log(JSON.stringify(await store.counts()));
  `);
  expect(output).toBe('{"todo":1,"done":1}\n');
  expect(code).toBe(0);
});
