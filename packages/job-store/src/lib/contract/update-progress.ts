import { expect } from "vitest";
import type { Context } from "./context.js";
import { isFinal, jobIn, STATUSES } from "./definitions.js";
import { expectRefusal, laterThan, view } from "./expectations.js";

export function updateProgress({ test }: Context): void {
  for (const status of STATUSES) {
    if (isFinal(status)) {
      test(`in the final status ${status}, progress is ILLEGAL_TRANSITION`, async ({ store }) => {
        const job = await jobIn(store, status, "a");
        const before = await view(store);
        await expectRefusal(store.updateProgress("a", { done: 1 }), "ILLEGAL_TRANSITION", { jobId: "a", from: status });
        await expectRefusal(store.updateProgress(job, { done: 1 }), "ILLEGAL_TRANSITION", { jobId: "a", from: status });
        expect(await view(store)).toEqual(before);
      });
    } else {
      test(`in ${status}, progress is stored without a new version, a history entry or a new position in a list`, async ({
        store,
      }) => {
        const job = await jobIn(store, status, "a");
        const before = await view(store);
        await laterThan(store, job.updatedAt);
        await store.updateProgress("a", { done: 1 });
        await store.updateProgress(job, { done: 2, body: ["half"] });
        const after = await store.get("a");
        expect(after).toEqual({ ...job, progress: { done: 2, body: ["half"] }, updatedAt: after?.updatedAt });
        expect(after?.updatedAt.getTime()).toBeGreaterThan(job.updatedAt.getTime());
        expect(await view(store)).toEqual({ ...before, jobs: [after] });
      });
    }
  }

  test("a snapshot can store progress again and again, because the version does not change", async ({ store }) => {
    const job = await jobIn(store, "working", "a");
    for (let done = 0; done < 20; done++) await store.updateProgress(job, { done });
    expect(await store.get("a")).toMatchObject({ progress: { done: 19 }, version: job.version });
  });

  test("a worker that was replaced cannot write: its snapshot is CONFLICT", async ({ store }) => {
    const old = await jobIn(store, "working", "a");
    const replacement = await store.updateStatus("a", "working", { progress: { done: 5 } });
    await expectRefusal(store.updateProgress(old, { done: 1 }), "CONFLICT", { jobId: "a", currentVersion: 3 });
    await store.updateStatus("a", "done");
    // The version is compared first, also in a final status.
    await expectRefusal(store.updateProgress(replacement, { done: 1 }), "CONFLICT", { jobId: "a", currentVersion: 4 });
    expect((await store.get("a"))?.progress).toEqual({ done: 5 });
  });

  test("progress never creates a job", async ({ store }) => {
    await expectRefusal(store.updateProgress("a", { done: 1 }), "NOT_FOUND", { jobId: "a" });
    const deleted = await jobIn(store, "working", "b");
    await store.delete("b");
    await expectRefusal(store.updateProgress(deleted, { done: 1 }), "NOT_FOUND", { jobId: "b" });
    expect((await store.list()).items).toEqual([]);
  });

  test("progress that the schema rejects is INVALID_DATA, and nothing changes", async ({ store }) => {
    await jobIn(store, "working", "a");
    const before = await view(store);
    await expectRefusal(store.updateProgress("a", { done: -1 }), "INVALID_DATA", {
      jobId: "a",
      issues: [{ path: ["done"], message: expect.any(String) }],
    });
    await expectRefusal(store.updateProgress("a", null as never), "INVALID_DATA", { jobId: "a" });
    expect(await view(store)).toEqual(before);
  });

  test("progress of any length does not change the data of a long job", async ({ store }) => {
    const data = { title: "x".repeat(2000) };
    const lengths = Array.from({ length: 260 }, (_, n) => n);
    const ids = lengths.map((length) => `job-${length}`);
    await store.createMany(ids.map((id) => ({ data, id })));
    await Promise.all(ids.map((id, n) => store.updateProgress(id, { done: n, body: "y".repeat(n) })));
    for (const [n, job] of (await store.getMany(ids)).entries()) {
      expect(job).toMatchObject({ data, progress: { done: n, body: "y".repeat(n) } });
    }
  });

  test("the next status change keeps the progress", async ({ store }) => {
    await jobIn(store, "working", "a");
    await store.updateProgress("a", { done: 4, body: {} });
    expect(await store.updateStatus("a", "done")).toMatchObject({ progress: { done: 4, body: {} }, version: 3 });
  });
}
