import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn, STATUSES } from "./definitions.js";
import { expectRefusal, idsOf, manyIds, view } from "./expectations.js";

export function deleteOne({ test }: Context): void {
  for (const status of STATUSES) {
    test(`a deleted job in ${status} cannot be read, listed or counted, by id and by snapshot`, async ({ store }) => {
      await jobIn(store, "waiting", "bystander");
      const before = await view(store);
      await jobIn(store, status, "a");
      const byId = await store.delete("a");
      const snapshot = await jobIn(store, status, "a");
      const bySnapshot = await store.delete(snapshot);
      expect([byId, bySnapshot]).toEqual([true, true]);
      expect(await view(store)).toEqual(before);
      expect(await store.get("a")).toBeNull();
    });

    test(`a stale snapshot does not delete a job in ${status}`, async ({ store }) => {
      const job = await jobIn(store, status, "a");
      const before = await view(store);
      const stale = { ...job, version: job.version + 1 };
      await expectRefusal(store.delete(stale), "CONFLICT", { jobId: "a", currentVersion: job.version });
      expect(await view(store)).toEqual(before);
    });
  }

  test("the result is false if the job does not exist, by id and by snapshot", async ({ store }) => {
    const job = await jobIn(store, "waiting", "a");
    expect(await store.delete("b")).toBe(false);
    expect(await store.delete(job)).toBe(true);
    expect(await store.delete(job)).toBe(false);
    expect(await store.delete("a")).toBe(false);
  });

  test("a deleted job cannot be changed", async ({ store }) => {
    await jobIn(store, "working", "a");
    await store.delete("a");
    await expectRefusal(store.updateStatus("a", "done"), "NOT_FOUND");
    await expectRefusal(store.updateProgress("a", { done: 1 }), "NOT_FOUND");
    expect(await store.get("a")).toBeNull();
  });
}

export function deleteMany({ test }: Context): void {
  test("deleteMany deletes the jobs that exist and returns their number", async ({ store }) => {
    const ids = manyIds(300);
    await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    expect(await store.deleteMany(["never-made", ...ids.slice(0, 290), "nor-this"])).toBe(290);
    expect(idsOf((await store.list({ order: "oldest" })).items).sort()).toEqual(ids.slice(290));
    expect((await store.counts()).waiting).toBe(10);
    expect(await store.deleteMany([])).toBe(0);
  });

  test("an id that deleteMany receives twice counts once", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    expect(await store.deleteMany(["a", "a"])).toBe(1);
  });

  test("deleteMany with an invalid id deletes nothing", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    await expectRefusal(store.deleteMany(["a", "job:*"]), "INVALID_ARGUMENT");
    expect(await store.get("a")).not.toBeNull();
  });
}
