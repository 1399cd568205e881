import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn } from "./definitions.js";
import { collect, expectRefusal, gone, idsOf } from "./expectations.js";
import { imported } from "./imported.js";

export function expiry({ test }: Context): void {
  test("an expired job is gone from get, getMany, list, scan and counts", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { done: 0.15 } });
    const job = await jobIn(store, "done", "a");
    await jobIn(store, "waiting", "b");
    expect(job.expiresAt?.getTime()).toBe(job.statusAt.getTime() + 150);
    await gone(store, "a");
    expect((await store.getMany(["a", "b"])).map((one) => one?.id)).toEqual([undefined, "b"]);
    expect(idsOf((await store.list()).items)).toEqual(["b"]);
    expect((await store.list({ status: "done" })).items).toEqual([]);
    expect(idsOf(await collect(store.scan({ limit: 1 })))).toEqual(["b"]);
    expect(await store.counts()).toMatchObject({ done: 0, waiting: 1 });
  });

  test("an unfinished status may have a TTL as well", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { waiting: 0.1 } });
    await jobIn(store, "waiting", "a");
    await gone(store, "a");
    expect((await store.counts()).waiting).toBe(0);
  });

  test("an expired job takes no change, and is not revived", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { failed: 0.1 } });
    const failed = await store.updateStatus((await jobIn(store, "waiting", "a")).id, "failed");
    await gone(store, "a");
    await expectRefusal(store.updateStatus("a", "waiting"), "NOT_FOUND", { jobId: "a" });
    await expectRefusal(store.updateStatus(failed, "waiting"), "NOT_FOUND", { jobId: "a" });
    await expectRefusal(store.updateProgress("a", { done: 1 }), "NOT_FOUND", { jobId: "a" });
    expect(await store.delete("a")).toBe(false);
    expect(await store.deleteMany(["a"])).toBe(0);
    expect((await store.list()).items).toEqual([]);
  });

  test("its id can be created anew, as another job with no past", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { done: 0.1 } });
    const old = await jobIn(store, "done", "a");
    await gone(store, "a");
    const { created, job } = await store.create({ title: "Another" }, { id: "a" });
    expect(created).toBe(true);
    expect(job).toMatchObject({
      version: 1,
      attempt: 1,
      status: "waiting",
      data: { title: "Another" },
      expiresAt: null,
    });
    expect(job.history).toHaveLength(1);
    await expectRefusal(store.save(old), "CONFLICT", { jobId: "a", currentVersion: 1 });
    expect(await store.counts()).toMatchObject({ waiting: 1, done: 0 });
    expect(idsOf((await store.list()).items)).toEqual(["a"]);
  });

  test("an id whose job has expired can be saved, as given", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { done: 0.1 } });
    await jobIn(store, "done", "a");
    await gone(store, "a");
    expect(await store.save(imported("a"))).toEqual(imported("a"));
    expect(await store.counts()).toMatchObject({ checking: 1, done: 0 });
  });

  test("a retry out of a final status takes the TTL away, and so does a save", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { failed: 0.2 } });
    await jobIn(store, "failed", "retried");
    expect((await store.updateStatus("retried", "waiting")).expiresAt).toBeNull();
    const failed = await jobIn(store, "failed", "saved");
    expect((await store.save({ ...failed, status: "checking" })).expiresAt).toBeNull();
    // Failed later than both: once it is gone, their time would be over too.
    await jobIn(store, "failed", "witness");
    await gone(store, "witness");
    expect(await store.get("retried")).toMatchObject({ status: "waiting", attempt: 2, expiresAt: null });
    expect(await store.get("saved")).toMatchObject({ status: "checking", expiresAt: null });
    expect(await store.counts()).toMatchObject({ waiting: 1, checking: 1, failed: 0 });
    expect(idsOf((await store.list({ status: ["waiting", "checking"] })).items).sort()).toEqual(["retried", "saved"]);
  });

  test("progress keeps no job from expiring", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { working: 0.15 } });
    const job = await jobIn(store, "working", "a");
    await store.updateProgress(job, { done: 1, body: "x".repeat(100) });
    await gone(store, "a");
    await expectRefusal(store.updateProgress(job, { done: 2 }), "NOT_FOUND", { jobId: "a" });
    expect(await store.counts()).toMatchObject({ working: 0 });
  });

  test("of jobs finished under different settings each goes at its own time", async ({ stores }) => {
    const [brief, long] = [stores.open({ ttlSeconds: { done: 0.15 } }), stores.openApart()];
    await jobIn(brief, "done", "brief");
    await jobIn(long, "done", "long");
    await gone(long, "brief");
    for (const store of [brief, long]) {
      expect(idsOf((await store.list({ status: "done" })).items)).toEqual(["long"]);
      expect((await store.counts()).done).toBe(1);
    }
  });

  test("its messages outlive a job", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { waiting: 0.1 } });
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    await gone(store, "a");
    expect(await store.outbox.depth()).toBe(1);
    expect(await store.outbox.read()).toMatchObject([{ jobId: "a", payload: 1 }]);
  });
}
