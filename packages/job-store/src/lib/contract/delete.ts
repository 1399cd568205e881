import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn, STATUSES } from "./definitions.js";
import { expectRefusal, view } from "./expectations.js";

export function remove({ test }: Context): void {
  for (const status of STATUSES) {
    test(`a job in ${status} is gone from every view, by id and by snapshot`, async ({ store }) => {
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

  test("where there is no such job, it is false, by id and by snapshot", async ({ store }) => {
    const job = await jobIn(store, "waiting", "a");
    expect(await store.delete("b")).toBe(false);
    expect(await store.delete(job)).toBe(true);
    expect(await store.delete(job)).toBe(false);
    expect(await store.delete("a")).toBe(false);
  });

  test("a deleted job takes no change any more", async ({ store }) => {
    await jobIn(store, "working", "a");
    await store.delete("a");
    await expectRefusal(store.updateStatus("a", "done"), "NOT_FOUND");
    await expectRefusal(store.updateProgress("a", { done: 1 }), "NOT_FOUND");
    expect(await store.get("a")).toBeNull();
  });
}
