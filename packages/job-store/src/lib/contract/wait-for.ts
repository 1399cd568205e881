import { expect } from "vitest";
import type { JobStore } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";
import { expectRefusal } from "./expectations.js";

/** Begins to wait, and lets other calls of the same store pass, so that the wait is under way. */
async function waiting(store: JobStore<Report>, ...args: Parameters<JobStore<Report>["waitFor"]>) {
  const outcome = store.waitFor(...args);
  outcome.catch(() => {});
  await store.counts();
  await store.counts();
  return { outcome };
}

export function waitFor({ test }: Context): void {
  test("a job that is there already is answered at once", async ({ store }) => {
    const { job } = await store.create({ title: "One" });
    expect(await store.waitFor(job.id, { until: ["waiting"] })).toEqual(job);
  });

  test("by default it waits for any final status", async ({ store, stores }) => {
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a");
    const other = stores.openApart();
    await other.updateStatus("a", "working");
    await other.updateProgress("a", { done: 1 });
    const done = await other.updateStatus("a", "done", { result: { url: "u" } });
    expect(await outcome).toEqual(done);
  });

  test("a status that the job only passed through counts", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a", { until: ["checking"] });
    await store.updateStatus("a", "working");
    await store.updateStatus("a", "checking");
    await store.updateStatus("a", "done");
    expect(["checking", "done"]).toContain((await outcome).status);
  });

  test("a save into the status counts", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a");
    const saved = await store.save({ ...job, status: "done" });
    expect(await outcome).toEqual(saved);
  });

  test("a job that is not there, or is deleted meanwhile, is NOT_FOUND", async ({ store }) => {
    await expectRefusal(store.waitFor("nobody"), "NOT_FOUND", { jobId: "nobody" });
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a");
    await store.delete("a");
    await expectRefusal(outcome, "NOT_FOUND", { jobId: "a" });
  });

  test("a job that expires meanwhile is NOT_FOUND", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { waiting: 0.1 } });
    await store.create({ title: "One" }, { id: "a" });
    await expectRefusal(store.waitFor("a"), "NOT_FOUND", { jobId: "a" });
  });

  test("a job that expires meanwhile in another status is NOT_FOUND", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { failed: 0.1 } });
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a", { until: ["checking"] });
    await store.updateStatus("a", "failed");
    await expectRefusal(outcome, "NOT_FOUND", { jobId: "a" });
  });

  test("TIMEOUT when the time is over, and not before", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const begun = performance.now();
    await expectRefusal(store.waitFor("a", { timeoutMs: 120 }), "TIMEOUT", { jobId: "a" });
    expect(performance.now() - begun).toBeGreaterThan(100);
  });

  test("aborting rejects with the signal's reason", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const stop = new AbortController();
    const { outcome } = await waiting(store, "a", { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(outcome).rejects.toThrow("enough");
    await expect(store.waitFor("a", { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
  });

  test("closing the store ends the wait with CLOSED", async ({ stores }) => {
    const store = stores.open();
    await store.create({ title: "One" }, { id: "a" });
    const { outcome } = await waiting(store, "a");
    await store.close();
    await expectRefusal(outcome, "CLOSED");
    await expectRefusal(store.waitFor("a"), "CLOSED");
  });

  test("ids, statuses and times out of range are INVALID_ARGUMENT", async ({ store }) => {
    await expectRefusal(store.waitFor("job:*"), "INVALID_ARGUMENT");
    await expectRefusal(store.waitFor("a", { until: ["nowhere" as "done"] }), "INVALID_ARGUMENT");
    await expectRefusal(store.waitFor("a", { until: [] }), "INVALID_ARGUMENT");
    for (const timeoutMs of [-1, 0.5, Number.NaN, 2 ** 31]) {
      await expectRefusal(store.waitFor("a", { timeoutMs }), "INVALID_ARGUMENT");
    }
  });
}
