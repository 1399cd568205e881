import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createJobStore, JobStoreError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { testDriver } from "../src/testing.js";
import { errand } from "./errand.js";
import { runBuilt } from "./run-built.js";

testDriver("memory", async () => ({ driver: memoryDriver() }));

test("memory driver: a message that has long waited is warned of, and the store is no less healthy", async () => {
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
  // A relay that holds it has not published it.
  const [entry] = await store.outbox.read();
  expect((await store.health()).warnings).toEqual([warning]);
  // Requeued, it waits anew.
  await store.outbox.reject([entry?.entryId ?? ""], "No such queue.");
  await store.outbox.requeue([entry?.entryId ?? ""]);
  expect((await store.health()).warnings).toEqual([]);
});

describe("memory driver: maxJobs", () => {
  const openStore = (maxJobs: number) => createJobStore({ job: errand, driver: memoryDriver({ maxJobs }) });

  test("past it, a new job takes the place of the one that finished first", async () => {
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

  test("a job that was taken up again is not finished any more, and is spared", async () => {
    const store = openStore(2);
    for (const id of ["a", "b"]) await store.create(null, { id });
    for (const id of ["a", "b"]) await store.updateStatus(id, "done");
    await store.updateStatus("a", "todo");
    await store.create(null, { id: "c" });
    expect((await store.getMany(["a", "b", "c"])).map((job) => job?.status)).toEqual(["todo", undefined, "todo"]);
  });

  test("where none is finished, a new job is refused: UNAVAILABLE, and nothing was done", async () => {
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

  test("what is there goes on when the place is full", async () => {
    const store = openStore(1);
    const { job } = await store.create(null, { id: "a" });
    expect(await store.create(null, { id: "a" })).toEqual({ created: false, job });
    expect(await store.save(job)).toMatchObject({ version: 2 });
    expect(await store.updateStatus("a", "done")).toMatchObject({ version: 3 });
    expect((await store.create(null, { id: "b" })).created).toBe(true);
  });

  test("a number that makes no sense is INVALID_ARGUMENT", () => {
    for (const maxJobs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "10"]) {
      expect(() => memoryDriver({ maxJobs: maxJobs as number })).toThrow(/`maxJobs` must be an integer/);
    }
  });
});

test("memory driver: two drivers are two places", async () => {
  const [one, other] = [memoryDriver(), memoryDriver()].map((driver) => createJobStore({ job: errand, driver }));
  await one?.create(null, { id: "a" });
  expect(await other?.get("a")).toBeNull();
});

test("memory driver: an expired job is gone before any timer has had its turn", async () => {
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

test("memory driver: a watch that was left in the middle does not keep a process alive after close", async () => {
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

test("memory driver: neither jobs that will expire nor a wait that is over keep a process alive", async () => {
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
