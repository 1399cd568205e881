import { expect, vi } from "vitest";
import { defineJob, type Job, type JobStorage, type JobStore, type JobStoreDriver } from "../../index.js";
import type { Context, Fixtures } from "./context.js";
import { imported, report } from "./definitions.js";
import { clockOf, laterThan, manyIds, PATIENCE } from "./expectations.js";

const { statuses } = report;

/** Definition of the same job type with time limits. */
export const timed = defineJob({
  ...report,
  statuses: {
    ...statuses,
    waiting: { ...statuses.waiting, timeoutSeconds: 1 },
    working: { ...statuses.working, timeoutSeconds: 1, sends: [{ queue: "workers" }] },
    checking: { ...statuses.checking, timeoutSeconds: 1, timeoutTo: "working" },
    failed: { ...statuses.failed, sends: [{ queue: "parents", ifField: "owner" }] },
  },
});
export type Timed = typeof timed;

/** Time limit in these tests, in milliseconds. No definition can have so short a limit. */
const LIMIT_MS = 100;

/** Opens a store whose time limits are short, and its storage. */
function openTimed({ stores, underTest }: Fixtures, { ms = LIMIT_MS, timeouts = false, again = false } = {}) {
  const opened: JobStorage[] = [];
  const place = again ? (underTest.again?.() ?? underTest.driver) : underTest.driver;
  const driver: JobStoreDriver = {
    ...place,
    open: (config) => {
      const shortened = Array.from(config.timeouts, ([status, rule]) => [status, { ...rule, ms }] as const);
      const storage = place.open({ ...config, timeouts: new Map(shortened) });
      opened.push(storage);
      return storage;
    },
  };
  const store = stores.openFor(timed, { timeouts }, driver);
  const [storage] = opened as [JobStorage];
  /** Returns the ids of the jobs that are overdue for this owner. */
  const overdue = async (owner = "one") => {
    const ids: string[] = [];
    for (;;) {
      const { jobs, more } = await storage.findOverdue(owner);
      ids.push(...jobs.map(({ id }) => id));
      if (!more) return ids.sort();
    }
  };
  return { store, storage, overdue };
}

/** Returns the time of the storage's clock. */
const now = (store: JobStore<Timed>) => clockOf(store as never);

/** Waits until so much time has passed by the clock of the storage. */
async function pass(store: JobStore<Timed>, ms = LIMIT_MS): Promise<void> {
  await laterThan(store as never, new Date((await now(store)) + ms));
}

const message = { queue: "workers", id: "m", payload: 1 };

export function timeouts({ test }: Context): void {
  test("a job is overdue after its time in a status, unless it shows activity", async (fixtures) => {
    const ms = 400;
    const { store, storage, overdue } = openTimed(fixtures, { ms });
    expect(await overdue()).toEqual([]);
    for (const id of ["idle", "active", "final"]) await store.create({ title: "One" }, { id });
    await store.updateStatus("final", "failed");
    await pass(store, ms / 2);
    const activity = await now(store);
    await store.updateProgress("active", { done: 0 });
    await pass(store, ms / 2);
    const idle = (await store.get("idle")) as Job<Timed>;
    const found = { id: "idle", status: "waiting", version: 1, createdAt: idle.createdAt.getTime() };
    const { jobs } = await storage.findOverdue("one");
    expect(jobs).toContainEqual({ ...found, idleSince: idle.updatedAt.getTime() });
    await vi.waitFor(async () => expect(await overdue()).toContain("active"), PATIENCE);
    expect(await now(store)).toBeGreaterThanOrEqual(activity + ms);
  });

  test("a job with a lease is not overdue, and its time begins when the lease ends", async (fixtures) => {
    const { store, overdue } = openTimed(fixtures);
    await overdue();
    const options = { from: ["waiting"], leaseMs: 600_000, message } as const;
    const claimed = new Map<string, Job<Timed>>();
    for (const id of ["a", "b"]) {
      await store.create({ title: "One" }, { id });
      const answer = await store.claim(id, "working", { ...options, key: id });
      if (answer.kind === "claimed") claimed.set(id, answer.job as Job<Timed>);
    }
    await store.updateStatus("b", "working", { leaseMs: 600_000 });
    await pass(store, 3 * LIMIT_MS);
    expect(await overdue()).toEqual([]);
    const leased = [(await store.get("a")) as Job<Timed>, (await store.get("b")) as Job<Timed>];
    const end = await now(store);
    await store.renewLeases(leased, 0);
    await vi.waitFor(async () => expect(await overdue()).not.toEqual([]), PATIENCE);
    expect(await now(store)).toBeGreaterThanOrEqual(end + LIMIT_MS);
  });

  test("a change of an overdue job fails if the job showed activity after it was found", async (fixtures) => {
    const { store, storage } = openTimed(fixtures);
    await storage.findOverdue("one");
    for (const id of ["a", "b", "c", "d"]) await store.create({ title: "One" }, { id });
    await pass(store);
    const { jobs } = await storage.findOverdue("one");
    await store.updateProgress("a", { done: 0 });
    await store.updateStatus("b", "working");
    await store.claim("c", "working", { from: ["waiting"], leaseMs: 60_000, key: "k", message });
    const replies = await Promise.all(
      jobs.map(({ status: _, ...target }) => storage.updateStatus({ target, to: "failed", metadata: {}, outbox: [] })),
    );
    expect(Object.fromEntries(jobs.map(({ id }, n) => [id, replies[n]?.kind]))).toEqual({
      ...{ a: "conflict", b: "conflict", c: "conflict", d: "updated" },
    });
  });

  test("jobs that are in a status when it gets a limit have the full time from then on", async (fixtures) => {
    const ms = 300;
    const { store, overdue } = openTimed(fixtures, { ms });
    await store.create({ title: "One" }, { id: "a" });
    await pass(store, ms);
    const start = await now(store);
    await vi.waitFor(async () => expect(await overdue()).toEqual(["a"]), PATIENCE);
    expect(await now(store)).toBeGreaterThanOrEqual(start + ms);
  });

  test("one store enforces the timeouts at a time", async (fixtures) => {
    const { storage } = openTimed(fixtures);
    const other = openTimed(fixtures, { again: true }).storage;
    expect(await storage.findOverdue("one")).toMatchObject({ owned: true });
    expect(await other.findOverdue("two")).toEqual({ owned: false, jobs: [], more: false });
    expect(await storage.findOverdue("one")).toMatchObject({ owned: true });
  });

  test("all of many jobs are found, also if they entered the status in the same millisecond", async (fixtures) => {
    const { store, overdue } = openTimed(fixtures);
    await overdue();
    const ids = manyIds(700);
    const at = new Date();
    await Promise.all(
      ids.map((id) => store.save({ ...imported(id, { createdAt: at, statusAt: at, updatedAt: at }) } as Job<Timed>)),
    );
    await store.createMany(manyIds(300, "new").map((id) => ({ id, data: { title: "One" } })));
    await pass(store);
    expect(await overdue()).toEqual([...ids, ...manyIds(300, "new")]);
  });

  test("a job that is saved with a time of entry in the past is found", async (fixtures) => {
    const { store, overdue } = openTimed(fixtures);
    await overdue();
    await store.create({ title: "One" }, { id: "a" });
    await pass(store);
    expect(await overdue()).toEqual(["a"]);
    const past = new Date(Date.now() - 3_600_000);
    await store.save({ ...imported("old", { createdAt: past, statusAt: past, updatedAt: past }) } as Job<Timed>);
    expect(await overdue()).toContain("old");
  });

  test("a store changes overdue jobs: each once, with an error, and the messages of the status", async (fixtures) => {
    const all = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => openTimed(fixtures, { timeouts: true, again: n > 1 }).store);
    const [store] = all as [JobStore<Timed>];
    const ids = manyIds(20);
    await store.createMany(ids.map((id) => ({ id, data: { title: "One", owner: "Ann" } })));
    await vi.waitFor(async () => expect(await store.counts()).toMatchObject({ failed: 20 }), PATIENCE);
    for (const job of await store.getMany(ids)) {
      expect(job).toMatchObject({
        version: 2,
        error: { code: "TIMEOUT", retryable: true, message: expect.stringContaining('"waiting"') },
        history: [{}, { by: "timeout", from: "waiting", to: "failed" }],
      });
    }
    const messages = await store.outbox.read();
    expect(messages.map(({ id }) => id).sort()).toEqual(ids.map((id) => `${id}.2.0`));
    expect(messages[0]).toMatchObject({ queue: "parents", payload: { status: "failed", fields: { owner: "Ann" } } });
  });

  test("during a deploy, a store with the older definition does not stop the timeouts of the newer one", async (fixtures) => {
    const older = fixtures.stores.open();
    const { store } = openTimed(fixtures, { timeouts: true });
    await older.create({ title: "One" }, { id: "a" });
    await older.create({ title: "Two" }, { id: "b" });
    await older.updateStatus("b", "working");
    await older.updateStatus("b", "checking");
    await vi.waitFor(async () => expect(await store.get("a")).toMatchObject({ status: "failed" }), PATIENCE);
    await vi.waitFor(
      async () => expect((await store.get("b"))?.history[3]).toMatchObject({ by: "timeout", to: "working" }),
      PATIENCE,
    );
  });
}
