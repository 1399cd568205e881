import { describe, expect, vi } from "vitest";
import { createJobStore, defineJob, type JobDefinition, type JobStoreDriver } from "../../index.js";
import { readDescription } from "../create-job-store.js";
import { openRecordedStore, type RecordedStore, type RecordedStoreOptions } from "../recorded-store.js";
import type { Context, Fixtures } from "./context.js";
import { jobIn, report, STATUSES } from "./definitions.js";

/** The same kind of job after a change: one status fewer, another transition and TTL, and one more index field. */
const { abandoned: _, ...statuses } = report.statuses;
const changed = defineJob({
  ...report,
  statuses: { ...statuses, failed: { next: ["waiting", "done"], final: true, ttlSeconds: 60 } },
  index: { ...report.index, title: ({ title }) => title },
});

/** A driver whose stores record another description. */
function describedAs(driver: JobStoreDriver, description: string | null): JobStoreDriver {
  return {
    name: driver.name,
    open: (shape) => driver.open({ ...shape, description }),
    readMetadata: () => driver.readMetadata(),
  };
}

/** Opens the store of this place without its definition, as another process would. */
async function openRecorded({ place }: Fixtures, options?: RecordedStoreOptions): Promise<RecordedStore> {
  const driver = place.again?.() ?? place.driver;
  return (await openRecordedStore(driver, options)) ?? expect.fail("no metadata is recorded");
}

export function metadata({ test }: Context): void {
  test("does not exist before a store is used", async ({ place }) => {
    expect(await place.driver.readMetadata()).toBeNull();
    expect(await openRecordedStore(place.driver)).toBeNull();
  });

  test("has the name, the statuses with their TTLs, the index fields and the description", async (fixtures) => {
    const { stores, place } = fixtures;
    await stores.open({ ttlSeconds: { failed: 60 } }).get("a");
    const recorded = await place.driver.readMetadata();
    const ttlMs = { waiting: 0, working: 0, checking: 0, done: 3_600_000, failed: 60_000, abandoned: 0 };
    expect(recorded).toEqual({
      definition: "report",
      statuses: new Map(Object.entries(ttlMs)),
      fields: ["label", "owner"],
      description: expect.any(String),
    });
    await using opened = await openRecorded(fixtures);
    expect(opened.lifecycle).toEqual(readDescription(recorded?.description ?? undefined));
    expect(opened.lifecycle).toMatchObject({
      initial: "waiting",
      statuses: { failed: { next: ["waiting", "abandoned"], final: true, ttlMs: 60_000, maxCount: null } },
    });
  });

  test("opens a store that reads, lists and counts what the stores of the definition do", async (fixtures) => {
    const { store, stores } = fixtures;
    for (const status of STATUSES) await jobIn(store, status, status);
    // No schema of this definition accepts this data.
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

  test("keeps the index values of jobs, whatever the opened store does with them", async (fixtures) => {
    const { store, place } = fixtures;
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
    expect(await place.driver.readMetadata()).toMatchObject({ fields: ["label", "owner"] });
  });

  test("stays as it is when the opened store is used", async (fixtures) => {
    const { store, place } = fixtures;
    await store.create({ title: "One" }, { id: "a" });
    const before = await place.driver.readMetadata();
    for (const transitions of ["recorded", "any"] as const) {
      await using opened = await openRecorded(fixtures, { transitions });
      await opened.store.updateStatus("a", "working");
      await opened.store.counts();
      await opened.store.audit({ repair: true });
    }
    expect(await place.driver.readMetadata()).toEqual(before);
  });

  test("after a change of the definition has the new lifecycle, and still every status and field", async (fixtures) => {
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
      const store = createJobStore({ job: report, driver: describedAs(fixtures.place.driver, description) });
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
        expect(await fixtures.place.driver.readMetadata()).toMatchObject({ description });
      } finally {
        await store.close();
      }
    });
  });
}
