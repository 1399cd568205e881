import { expect, vi } from "vitest";
import type { Job, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report } from "./definitions.js";
import { collect, expectRefusal, idsOf, manyIds } from "./expectations.js";
import { imported } from "./imported.js";

const PATIENCE = { timeout: 10_000, interval: 10 };

/** Waits for expiry itself, seen through `get`. */
function gone(store: JobStore<Report>, id: string): Promise<void> {
  return vi.waitFor(async () => expect(await store.get(id)).toBeNull(), PATIENCE);
}

/** What the storage's own clock shows. */
async function clock(store: JobStore<Report>): Promise<Date> {
  return (await store.create({ title: "A clock" })).job.createdAt;
}

/** Many jobs of long ago, finished at times that lie `stepMs` apart from now on. */
async function finishAll(store: JobStore<Report>, ids: readonly string[], stepMs: number): Promise<Job<Report>[]> {
  const begun = (await clock(store)).getTime();
  return Promise.all(
    ids.map((id, index) => {
      const [createdAt, statusAt] = [new Date(1000 + index), new Date(begun + index * stepMs)];
      return store.save(imported(id, { status: "done", createdAt, statusAt, updatedAt: statusAt }));
    }),
  );
}

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

  test("a retry out of a final status takes the TTL away", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { failed: 0.2 } });
    await jobIn(store, "failed", "retried");
    expect((await store.updateStatus("retried", "waiting")).expiresAt).toBeNull();
    // Failed later than the other: once it is gone, the other's time would be over too.
    await jobIn(store, "failed", "witness");
    await gone(store, "witness");
    expect(await store.get("retried")).toMatchObject({ status: "waiting", attempt: 2, expiresAt: null });
    expect(await store.counts()).toMatchObject({ waiting: 1, failed: 0 });
    expect(idsOf((await store.list({ status: "waiting" })).items)).toEqual(["retried"]);
  });

  test("while jobs expire one after the other, every view is exact at every moment", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { done: 0.3 } });
    const reader = stores.openApart();
    const ids = manyIds(60);
    const jobs = await finishAll(store, ids, 5);
    const alive = (at: Date) => jobs.filter(({ expiresAt }) => expiresAt !== null && expiresAt >= at).length;
    const views = {
      getMany: async () => (await reader.getMany(ids)).filter((job) => job !== null).length,
      counts: async () => (await reader.counts()).done,
      "list by status": async () => (await reader.list({ status: "done", limit: 100 })).items.length,
      "list by creation": async () => {
        const { items } = await reader.list({ order: "oldest", limit: 100 });
        return items.filter(({ status }) => status === "done").length;
      },
    };
    const wrong: string[] = [];
    await vi.waitFor(async () => {
      let before = await clock(store);
      for (const [name, look] of Object.entries(views)) {
        const seen = await look();
        const after = await clock(store);
        if (seen > alive(before) || seen < alive(after)) {
          wrong.push(`${name}: ${seen}, not ${alive(after)} to ${alive(before)}`);
        }
        before = after;
      }
      expect(alive(before)).toBe(0);
    }, PATIENCE);
    expect(wrong).toEqual([]);
  });

  test("after hundreds expired at once, pages and counts are exact and new jobs come in", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { done: 1 } });
    const ids = manyIds(400);
    await finishAll(store, ids, 0);
    await store.save(imported("oldest", { status: "checking", createdAt: new Date(1), statusAt: new Date(1) }));
    await gone(store, ids[0] as string);
    expect(await store.counts()).toMatchObject({ done: 0, waiting: 1, checking: 1 });
    expect(await collect(store.scan({ status: "done", limit: 10 }))).toEqual([]);
    // The two that live lie on both sides of all that expired.
    expect(await collect(store.scan({ limit: 10 }))).toMatchObject([{ data: { title: "A clock" } }, { id: "oldest" }]);
    const again = await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    expect(again.every((one) => one.status === "fulfilled" && one.value.created)).toBe(true);
    expect(await store.counts()).toMatchObject({ done: 0, waiting: 401, checking: 1 });
    expect(await collect(store.scan({ limit: 100 }))).toHaveLength(402);
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
