import { expect, vi } from "vitest";
import type { Job, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";
import { collect, gone, manyIds, PATIENCE } from "./expectations.js";
import { imported } from "./imported.js";

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

export function massExpiry({ test }: Context): void {
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
}
