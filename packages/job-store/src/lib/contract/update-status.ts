import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn, STATUSES, step } from "./definitions.js";
import { expectRefusal, laterThan, view } from "./expectations.js";

export function updateStatus({ test }: Context): void {
  test("a change writes result, error, progress, who and why, in one step", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    await laterThan(store, job.createdAt);
    const done = await store.updateStatus("a", "working", {
      result: { url: "https://reports.test/a" },
      error: { message: "a page is missing", code: "PAGE", retryable: true },
      progress: { done: 3 },
      by: "worker-1",
      note: "second half",
    });
    expect(done).toEqual({
      ...job,
      status: "working",
      version: 2,
      result: { url: "https://reports.test/a" },
      error: { message: "a page is missing", code: "PAGE", retryable: true },
      progress: { done: 3 },
      updatedAt: done.statusAt,
      statusAt: expect.any(Date),
      history: [
        ...job.history,
        { from: "waiting", to: "working", at: done.statusAt, version: 2, by: "worker-1", note: "second half" },
      ],
    });
    expect(done.statusAt.getTime()).toBeGreaterThan(job.createdAt.getTime());
    expect(await store.get("a")).toEqual(done);
  });

  test("what a change leaves out, or gives as undefined, stays as it is", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    const error = { message: "a page is missing" };
    await store.updateStatus("a", "working", { result: { url: "x" }, error, progress: { done: 3 } });
    await store.updateStatus("a", "checking");
    const job = await store.updateStatus("a", "done", {
      result: undefined,
      error: undefined,
      progress: undefined,
      by: undefined,
      note: undefined,
      outbox: undefined,
      ifVersion: undefined,
    });
    expect(job).toMatchObject({ result: { url: "x" }, error, progress: { done: 3 }, data: { title: "Quarterly" } });
    expect(job.history.at(-1)).toEqual({ from: "checking", to: "done", at: job.statusAt, version: 4 });
  });

  test("progress null clears it", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    await store.updateStatus("a", "working", { progress: { done: 3 } });
    expect((await store.updateStatus("a", "done", { progress: null })).progress).toBeNull();
  });

  test("leaving a final status clears result, error and progress and starts the next attempt", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    await store.updateStatus("a", "failed", { result: { url: "x" }, error: { message: "no" }, progress: { done: 1 } });
    const retried = await store.updateStatus("a", "waiting");
    expect(retried).toMatchObject({ attempt: 2, version: 3, result: null, error: null, progress: null });
    expect(retried.data).toEqual({ title: "Quarterly" });
    expect(await store.get("a")).toEqual(retried);
  });

  test("what comes with the change that leaves a final status is kept", async ({ store }) => {
    await jobIn(store, "failed", "a");
    const retried = await store.updateStatus("a", "waiting", { progress: { done: 0 }, error: { message: "again" } });
    expect(retried).toMatchObject({ attempt: 2, progress: { done: 0 }, error: { message: "again" }, result: null });
  });

  test("a duplicate delivery changes nothing: the first write stands", async ({ store }) => {
    await jobIn(store, "working", "a");
    const first = await store.updateStatus("a", "done", { result: { url: "first" }, by: "worker-1" });
    const before = await view(store);
    const second = await store.updateStatus("a", "done", {
      result: { url: "second" },
      by: "worker-2",
      outbox: [{ queue: "reports", payload: {} }],
    });
    expect(second).toEqual(first);
    expect(await view(store)).toEqual(before);
  });

  test("re-entry, where the status names itself, is a change like any other", async ({ store }) => {
    const first = await jobIn(store, "working", "a");
    await laterThan(store, first.statusAt);
    const again = await store.updateStatus("a", "working", { by: "worker-2" });
    expect(again).toMatchObject({ version: 3, attempt: 1, status: "working" });
    expect(again.statusAt.getTime()).toBeGreaterThan(first.statusAt.getTime());
    expect(again.history.at(-1)).toEqual({
      from: "working",
      to: "working",
      at: again.statusAt,
      version: 3,
      by: "worker-2",
    });
  });

  for (const to of STATUSES) {
    test(`the TTL becomes that of ${to}`, async ({ store }) => {
      const job = await jobIn(store, to, "a");
      const ttlMs = { done: 3_600_000, failed: 7_200_000 }[to as string];
      expect(job.expiresAt).toEqual(ttlMs === undefined ? null : new Date(job.statusAt.getTime() + ttlMs));
    });

    test(`moving to ${to} never creates a job`, async ({ store }) => {
      await expectRefusal(step(store, "a", to), "NOT_FOUND", { jobId: "a" });
      await expectRefusal(step(store, "a", to, { ifVersion: 1 }), "NOT_FOUND", { jobId: "a" });
      const deleted = await jobIn(store, "working", "b");
      await store.delete("b");
      const before = await view(store);
      await expectRefusal(step(store, deleted, to), "NOT_FOUND", { jobId: "b" });
      expect(await view(store)).toEqual(before);
    });
  }

  test("an unknown status is INVALID_ARGUMENT, known or unknown the job", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    for (const to of ["unheard-of", "", "toString", "__proto__", "Working", 7, null, undefined, ["working"]]) {
      await expectRefusal(step(store, "a", to as never), "INVALID_ARGUMENT");
      await expectRefusal(step(store, "b", to as never), "INVALID_ARGUMENT");
    }
    expect((await store.get("a"))?.version).toBe(1);
  });

  test("result, error or progress that does not fit is refused, and nothing changes", async ({ store }) => {
    await jobIn(store, "working", "a");
    const before = await view(store);
    const bad: { readonly [field: string]: unknown } = { result: { url: 7 }, progress: { done: -1 } };
    for (const [field, value] of Object.entries(bad)) {
      const error = await expectRefusal(step(store, "a", "done", { [field]: value }), "INVALID_DATA", { jobId: "a" });
      expect(error.issues).toEqual([{ path: [expect.any(String)], message: expect.any(String) }]);
    }
    for (const error of [
      "a string",
      null,
      {},
      { message: 7 },
      { message: "x", code: 7 },
      { message: "x", retryable: 1 },
    ]) {
      await expectRefusal(step(store, "a", "done", { error: error as never }), "INVALID_ARGUMENT");
    }
    for (const ifVersion of [0, -1, 1.5, Number.NaN, "2"]) {
      await expectRefusal(step(store, "a", "done", { ifVersion: ifVersion as never }), "INVALID_ARGUMENT");
    }
    await expectRefusal(step(store, "a", "done", { by: 7 as never }), "INVALID_ARGUMENT");
    await expectRefusal(step(store, "a", "done", { note: {} as never }), "INVALID_ARGUMENT");
    expect(await view(store)).toEqual(before);
  });
}
