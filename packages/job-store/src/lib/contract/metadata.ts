import { describe, expect, vi } from "vitest";
import * as z from "zod";
import { createJobStore, defineJob, type JobDefinition, type JobStore, type JobStoreDriver } from "../../index.js";
import { readDescription } from "../store/create-job-store.js";
import { openRecordedStore, type RecordedStore, type RecordedStoreOptions } from "../store/recorded-store.js";
import type { Context, Fixtures } from "./context.js";
import { jobIn, report, STATUSES } from "./definitions.js";
import { collect, expectRefusal, view } from "./expectations.js";

/** Definition of the same job type after a change: one status fewer, another transition and TTL, and one more index field. */
const { abandoned: _, ...statuses } = report.statuses;
const changed = defineJob({
  ...report,
  statuses: { ...statuses, failed: { next: ["waiting", "done"], final: true, ttlSeconds: 60 } },
  index: { ...report.index, title: ({ title }) => title },
});

/** Returns a driver whose stores record another description. */
function describedAs(driver: JobStoreDriver, description: string | null): JobStoreDriver {
  return {
    name: driver.name,
    open: (config) => driver.open({ ...config, description }),
    readMetadata: () => driver.readMetadata(),
  };
}

/** Opens the store without its definition, like another process. */
async function openRecorded({ underTest }: Fixtures, options?: RecordedStoreOptions): Promise<RecordedStore> {
  const driver = underTest.again?.() ?? underTest.driver;
  return (await openRecordedStore(driver, options)) ?? expect.fail("no metadata is recorded");
}

export function metadata({ test }: Context): void {
  test("does not exist before a store is used", async ({ underTest }) => {
    expect(await underTest.driver.readMetadata()).toBeNull();
    expect(await openRecordedStore(underTest.driver)).toBeNull();
  });

  test("has the name, the statuses with their TTLs, the index fields and the description", async (fixtures) => {
    const { stores, underTest } = fixtures;
    await stores.open({ ttlSeconds: { failed: 60 } }).get("a");
    const recorded = await underTest.driver.readMetadata();
    const ttlMs = { waiting: 0, working: 0, checking: 0, done: 3_600_000, failed: 60_000, abandoned: 0 };
    expect(recorded).toEqual({
      definition: "report",
      statuses: new Map(Object.entries(ttlMs)),
      fields: ["label", "owner"],
      description: expect.any(String),
    });
    await using opened = await openRecorded(fixtures);
    expect(opened.lifecycle).toEqual(readDescription(recorded?.description ?? null));
    expect(opened.lifecycle).toMatchObject({
      initial: "waiting",
      statuses: { failed: { next: ["waiting", "abandoned"], final: true, ttlMs: 60_000, maxCount: null } },
    });
  });

  test("opens a store that reads, lists and counts the same jobs as the stores of the definition", async (fixtures) => {
    const { store, stores } = fixtures;
    for (const status of STATUSES) await jobIn(store, status, status);
    // The schema of this definition rejects this data.
    const other: JobDefinition = { ...report, data: changed.result };
    await stores.openFor(other).create({ url: "u" }, { id: "other" });
    await using opened = await openRecorded(fixtures);
    expect(await opened.store.getMany(STATUSES)).toEqual(await store.getMany(STATUSES));
    expect(await opened.store.get("other")).toMatchObject({ data: { url: "u" } });
    expect(await opened.store.counts()).toEqual(await store.counts());
    const { items } = await opened.store.list({ status: ["done", "failed"] });
    expect(items.map(({ id }) => id)).toEqual(["failed", "done"]);
    expect(opened.store.definition).toMatchObject({ name: "report", initial: "waiting" });
  });

  test("opens a store that allows the recorded transitions, or any if the caller asks for it", async (fixtures) => {
    const { store } = fixtures;
    await jobIn(store, "waiting", "a");
    await using opened = await openRecorded(fixtures);
    await expect(opened.store.updateStatus("a", "done")).rejects.toMatchObject({
      code: "ILLEGAL_TRANSITION",
      message: expect.stringContaining("allowed: working, failed"),
    });
    const failed = await opened.store.updateStatus("a", "failed", { outbox: [{ queue: "q", payload: 1 }] });
    expect(Number(failed.expiresAt) - Number(failed.statusAt)).toBe(7_200_000);
    await expect(opened.store.updateProgress("a", 1)).rejects.toMatchObject({ code: "ILLEGAL_TRANSITION" });
    expect(await opened.store.updateStatus("a", "waiting")).toMatchObject({ attempt: 2, expiresAt: null });
    expect(await store.outbox.depth()).toBe(1);
    await using free = await openRecorded(fixtures, { transitions: "any" });
    expect(await free.store.updateStatus("a", "done")).toMatchObject({ status: "done", version: 4 });
  });

  test("opens a store with the TTLs of the store that started last, also if they were used before", async (fixtures) => {
    const { store, stores } = fixtures;
    await jobIn(store, "waiting", "a");
    for (const failed of [60, 7200]) await stores.open({ ttlSeconds: { failed } }).counts();
    await vi.waitFor(
      async () => {
        await using opened = await openRecorded(fixtures);
        expect(opened.lifecycle?.statuses.failed).toMatchObject({ ttlMs: 7_200_000 });
      },
      { timeout: 60_000 },
    );
    await using opened = await openRecorded(fixtures);
    const failed = await opened.store.updateStatus("a", "failed");
    expect(Number(failed.expiresAt) - Number(failed.statusAt)).toBe(7_200_000);
  });

  test("keeps the index values of jobs after every change by the opened store", async (fixtures) => {
    const { store, underTest } = fixtures;
    await store.create({ title: "One", label: "blue", owner: "Ann" }, { id: "a" });
    await store.create({ title: "Two" }, { id: "b" });
    await using opened = await openRecorded(fixtures);
    expect(await opened.storage.readIndexValues(["b", "a"])).toEqual([
      new Map(),
      new Map([
        ["label", "blue"],
        ["owner", "Ann"],
      ]),
    ]);
    const listed = async () => (await store.list({ where: { label: "blue" } })).items.map(({ id }) => id);
    await opened.store.updateStatus("a", "working");
    expect(await opened.store.audit({ repair: true })).toMatchObject({ jobs: 2, missingFromIndex: 0, repaired: 0 });
    expect(await listed()).toEqual(["a"]);
    expect((await opened.store.list({ where: { owner: "Ann" } })).items.map(({ id }) => id)).toEqual(["a"]);
    await expect(opened.store.list({ where: { title: "One" } })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });

    const job = (await store.get("b")) ?? expect.fail("the job is gone");
    await opened.save({ ...job, data: { title: "Two", label: "blue" } }, { label: "blue", unknown: "x" });
    expect(await listed()).toEqual(["b", "a"]);
    expect(await store.audit()).toMatchObject({ missingFromIndex: 0, staleInIndex: 0 });
    const saved = (await store.get("b")) ?? expect.fail("the job is gone");
    await expect(opened.save(saved, { label: "" })).rejects.toMatchObject({ code: "INVALID_DATA" });
    expect(await underTest.driver.readMetadata()).toMatchObject({ fields: ["label", "owner"] });
  });

  test("does not change when the opened store is used", async (fixtures) => {
    const { store, underTest } = fixtures;
    await store.create({ title: "One" }, { id: "a" });
    const before = await underTest.driver.readMetadata();
    for (const transitions of ["recorded", "any"] as const) {
      await using opened = await openRecorded(fixtures, { transitions });
      await opened.store.updateStatus("a", "working");
      await opened.store.counts();
      await opened.store.audit({ repair: true });
    }
    expect(await underTest.driver.readMetadata()).toEqual(before);
  });

  test("has the new lifecycle after a change of the definition, and still every status and field", async (fixtures) => {
    const { store, stores } = fixtures;
    await jobIn(store, "abandoned", "old");
    await jobIn(store, "failed", "a");
    // A call that reaches every shard.
    await stores.openFor(changed).counts();
    await vi.waitFor(
      async () => {
        await using opened = await openRecorded(fixtures);
        expect(opened.lifecycle?.statuses.failed).toMatchObject({ next: ["waiting", "done"], ttlMs: 60_000 });
      },
      { timeout: 60_000 },
    );
    await using opened = await openRecorded(fixtures);
    expect(opened.lifecycle?.statuses).not.toHaveProperty("abandoned");
    expect(opened.fields.toSorted()).toEqual(["label", "owner", "title"]);
    expect(await opened.store.get("old")).toMatchObject({ status: "abandoned" });
    expect((await opened.store.list({ status: "abandoned" })).items.map(({ id }) => id)).toEqual(["old"]);
    expect(await opened.store.counts()).toMatchObject({ abandoned: 1, failed: 1 });
    // The new lifecycle has no transition out of a status that it lacks.
    await expect(opened.store.updateStatus("old", "waiting")).rejects.toMatchObject({ code: "ILLEGAL_TRANSITION" });
    await expect(opened.store.updateStatus("a", "abandoned")).rejects.toMatchObject({ code: "ILLEGAL_TRANSITION" });
    expect(await opened.store.updateStatus("a", "done")).toMatchObject({ status: "done" });
    await using free = await openRecorded(fixtures, { transitions: "any" });
    expect(await free.store.updateStatus("old", "waiting")).toMatchObject({ status: "waiting" });
  });

  describe.each([
    ["without a description", null, "no lifecycle is recorded"],
    [
      "with the description of a newer version",
      '{"edition":2,"lifecycle":[]}',
      "a newer version of @subtitles/job-store",
    ],
  ])("%s", (_name, description, reason) => {
    test("opens a store that reads and deletes jobs, and rejects changes with the reason", async (fixtures) => {
      const store = createJobStore({ job: report, driver: describedAs(fixtures.underTest.driver, description) });
      try {
        await jobIn(store, "failed", "a");
        await store.create({ title: "Two", label: "blue" }, { id: "b" });
        await using opened = await openRecorded(fixtures);
        expect(opened.lifecycle).toBeNull();
        expect(await opened.store.get("a")).toEqual(await store.get("a"));
        expect(await opened.store.counts()).toEqual(await store.counts());
        expect((await opened.store.list({ where: { label: "blue" }, status: "waiting" })).items).toHaveLength(1);
        const changes = [
          () => opened.store.updateStatus("a", "waiting"),
          () => opened.store.updateProgress("b", 1),
          () => opened.store.create({ title: "Three" }),
        ];
        for (const change of changes) {
          await expect(change()).rejects.toMatchObject({
            code: "INVALID_ARGUMENT",
            message: expect.stringContaining(reason),
          });
        }
        expect(await opened.store.delete("b")).toBe(true);
        await using free = await openRecorded(fixtures, { transitions: "any" });
        expect(await free.store.updateStatus("a", "waiting")).toMatchObject({ status: "waiting", version: 3 });
        expect(await fixtures.underTest.driver.readMetadata()).toMatchObject({ description });
      } finally {
        await store.close();
      }
    });
  });
}

const invoice = defineJob({
  name: "invoice",
  data: z.object({ title: z.string() }),
  initial: "waiting",
  statuses: { waiting: { next: ["working"] }, working: { next: [] } },
});

const CALLS: Readonly<Record<string, (store: JobStore<typeof invoice>) => Promise<unknown>>> = {
  create: (store) => store.create({ title: "One" }, { id: "b", outbox: [{ queue: "reports", payload: 1 }] }),
  get: (store) => store.get("a"),
  getMany: (store) => store.getMany(["a"]),
  updateStatus: (store) => store.updateStatus("a", "working"),
  updateProgress: (store) => store.updateProgress("a", null),
  delete: (store) => store.delete("a"),
  deleteMany: (store) => store.deleteMany(["a"]),
  list: (store) => store.list(),
  "list by status": (store) => store.list({ status: "waiting" }),
  scan: (store) => collect(store.scan()),
  counts: (store) => store.counts(),
  "outbox.read": (store) => store.outbox.read(),
  "outbox.ack": (store) => store.outbox.ack(["1-1"]),
  "outbox.reject": (store) => store.outbox.reject(["1-1"], "why"),
  "outbox.rejected": (store) => store.outbox.rejected(),
  "outbox.requeue": (store) => store.outbox.requeue(["1-1"]),
  "outbox.depth": (store) => store.outbox.depth(),
  "outbox.scheduled": (store) => store.outbox.scheduled(),
  "outbox.oldest": (store) => store.outbox.oldest(),
};

/** Tests that a storage belongs to one definition. */
export function ownership({ test }: Context): void {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name}: another definition in the same storage is INVALID_ARGUMENT, and the message names both`, async ({
      store,
      stores,
    }) => {
      await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
      const before = await view(store);
      const error = await expectRefusal(call(stores.openFor(invoice)), "INVALID_ARGUMENT");
      expect(error.message).toContain("report");
      expect(error.message).toContain("invoice");
      expect(await view(store)).toEqual(before);
    });
  }

  test("health reports the error of such a store and does not throw", async ({ store, stores }) => {
    await jobIn(store, "waiting", "a");
    const health = await stores.openFor(invoice).health();
    expect(health.driver).not.toBe("");
  });

  test("a definition is recorded at the first call of a store, not when it is opened", async ({ store, stores }) => {
    const other = stores.openFor(invoice);
    expect((await other.create({ title: "One" })).created).toBe(true);
    await expectRefusal(store.counts(), "INVALID_ARGUMENT");
  });

  test("a definition with an additional status can use the stored jobs", async ({ store, stores }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const { statuses } = store.definition;
    const grown = stores.openFor(
      defineJob({
        name: "report",
        data: store.definition.data,
        initial: "waiting",
        statuses: { paused: { next: ["waiting"] }, ...statuses, waiting: { next: ["paused", "working"] } },
      }),
    );
    expect((await grown.get("a"))?.data).toEqual(job.data);
    await grown.updateStatus("a", "paused");
    expect(await grown.counts()).toMatchObject({ paused: 1, waiting: 0 });
    await expectRefusal(store.get("a"), "UNREADABLE_RECORD", { jobId: "a" });
    expect(await store.list()).toMatchObject({ items: [], unreadable: [{ id: "a" }] });
    await grown.updateStatus("a", "waiting");
    expect(await store.updateStatus("a", "working")).toMatchObject({ version: 4 });
  });
}
