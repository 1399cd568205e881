import { expect, vi } from "vitest";
import * as z from "zod";
import { defineJob, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { imported, type Report, report } from "./definitions.js";
import { collect, idsOf, laterThan, manyIds, PATIENCE } from "./expectations.js";

/** Returns the definition with a maximum count in some statuses. */
function limited(limit: { readonly waiting?: number; readonly done?: number }) {
  const { waiting, done } = report.statuses;
  const statuses = {
    ...report.statuses,
    waiting: { ...waiting, maxCount: limit.waiting },
    done: { ...done, maxCount: limit.done },
  };
  // The compiler sees the definition as a report.
  return defineJob({ ...report, statuses } as unknown as Report);
}

/** Creates and finishes jobs, each at least one millisecond after the previous one. */
async function finish(store: JobStore<Report>, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { job } = await store.create(
      { title: id, label: "red" },
      { id, outbox: [{ queue: "reports", payload: id }] },
    );
    await store.updateStatus(id, "working");
    const { statusAt } = await store.updateStatus(id, "done");
    expect(statusAt.getTime()).toBeGreaterThanOrEqual(job.createdAt.getTime());
    await laterThan(store, statusAt);
  }
}

const eventually = (check: () => Promise<void>) => vi.waitFor(check, PATIENCE);

export function maxCount({ test }: Context): void {
  test("the newest jobs of a status are kept in every list, the others are deleted, and watchers receive the events", async ({
    stores,
    underTest,
    skip,
  }) => {
    if (underTest.shards !== undefined) return skip("which jobs are kept depends on the shards they are in");
    const store = stores.openFor(limited({ done: 4 }));
    const ids = manyIds(10);
    const kept = ids.slice(6);
    const watched: string[] = [];
    const end = new AbortController();
    const watching = (async () => {
      for await (const event of stores.openApart().watch(undefined, { signal: end.signal })) {
        if (event.type === "deleted" && ids.includes(event.id)) watched.push(event.id);
      }
    })();
    await store.create({ title: "Another" }, { id: "other" });
    await finish(store, ids);
    await eventually(async () => expect(await store.counts()).toMatchObject({ done: 4, waiting: 1 }));
    const last = (await collect(store.scan({ status: "done", order: "oldest" }))).map(({ id }) => id);
    expect(last).toEqual(kept);
    expect((await collect(store.scan({ order: "oldest" }))).map(({ id }) => id)).toEqual(["other", ...kept]);
    expect(idsOf((await store.list({ where: { label: "red" }, order: "oldest" })).items)).toEqual(kept);
    expect((await store.getMany(ids)).map((job) => job?.id ?? null)).toEqual([...Array(6).fill(null), ...kept]);
    expect(await store.outbox.depth()).toBe(10);
    await eventually(async () => expect(watched.toSorted()).toEqual(ids.slice(0, 6)));
    end.abort();
    await watching;
  });

  test("a status keeps at least the limit, and few jobs more, at a steady high rate of writes", async ({
    stores,
    underTest,
  }) => {
    const limit = 200;
    const shards = underTest.shards ?? 1;
    const writers = [1, 2, 3, 4].map(() => stores.openFor(limited({ waiting: limit })));
    const reader = stores.openApart();
    let left = 4000;
    let created = 0;
    const write = async (store: JobStore<Report>) => {
      while (left-- > 0) {
        await store.create({ title: "One", label: "red" });
        created++;
      }
    };
    const calls = 16;
    const writing = Promise.all(writers.flatMap((store) => Array.from({ length: calls }, () => write(store))));
    let maxSeen = 0;
    while (left > 0) {
      const before = created;
      const { waiting } = await reader.counts();
      maxSeen = Math.max(maxSeen, waiting);
      // Each shard keeps its share, and the shards of the first jobs are random.
      if (shards === 1) expect(waiting).toBeGreaterThanOrEqual(Math.min(limit, before));
    }
    await writing;
    expect(maxSeen).toBeLessThanOrEqual(limit + writers.length * (2 * calls + 32 * shards));
    await eventually(async () => expect((await reader.counts()).waiting).toBe(limit));
    expect(await collect(reader.scan({ limit: 1000 }))).toHaveLength(limit);
    expect(await collect(reader.scan({ where: { label: "red" }, limit: 1000 }))).toHaveLength(limit);
  });

  test("excess jobs are also deleted after hundreds of concurrent creates, and after a limit was added", async ({
    store,
    stores,
  }) => {
    await store.createMany(manyIds(900).map((id) => ({ data: { title: id }, id })));
    expect((await store.counts()).waiting).toBe(900);
    const strict = stores.openFor(limited({ waiting: 20 }));
    // Enough jobs for every shard, because each shard is trimmed after its own writes.
    await strict.createMany(manyIds(60, "late").map((id) => ({ data: { title: id }, id })));
    await eventually(async () => expect((await store.counts()).waiting).toBe(20));
    expect(idsOf((await store.list({ limit: 1000 })).items).filter((id) => !id.startsWith("late"))).toEqual([]);
    await strict.createMany(manyIds(300, "more").map((id) => ({ data: { title: id }, id })));
    await eventually(async () => expect((await store.counts()).waiting).toBe(20));
    expect(idsOf((await store.list({ limit: 1000 })).items).filter((id) => !id.startsWith("more"))).toEqual([]);
  });

  test("jobs that have left a status are not deleted as its oldest jobs", async ({ stores }) => {
    const store = stores.openFor(limited({ waiting: 4 }));
    const ids = manyIds(120);
    // These jobs leave the status before it is full.
    for (const id of ids) {
      await store.create({ title: id }, { id });
      await store.updateStatus(id, "working");
    }
    await store.createMany(manyIds(60, "more").map((id) => ({ data: { title: id }, id })));
    await eventually(async () => expect(await store.counts()).toMatchObject({ waiting: 4, working: 120 }));
    expect((await store.getMany(ids)).filter((job) => job?.status === "working")).toHaveLength(120);
  });

  test("a job that re-enters the status counts as new, and a job that was saved with an old time as old", async ({
    stores,
    underTest,
    skip,
  }) => {
    if (underTest.shards !== undefined) return skip("which jobs are kept depends on the shards they are in");
    const { working } = report.statuses;
    const statuses = { ...report.statuses, working: { ...working, maxCount: 3 } };
    const store = stores.openFor(defineJob({ ...report, statuses } as unknown as Report));
    for (const id of ["a", "b", "c"]) {
      await store.create({ title: id }, { id });
      await laterThan(store, (await store.updateStatus(id, "working")).statusAt);
    }
    await laterThan(store, (await store.updateStatus("a", "working")).statusAt);
    await store.create({ title: "d" }, { id: "d" });
    await store.updateStatus("d", "working");
    const left = async () => idsOf((await store.list({ status: "working", order: "oldest" })).items);
    await eventually(async () => expect(await left()).toEqual(["c", "a", "d"]));
    const old = { createdAt: new Date(1), updatedAt: new Date(1), statusAt: new Date(1) };
    await store.save(imported("old", { status: "working", ...old }));
    await eventually(async () => expect(await store.get("old")).toBeNull());
    expect(await left()).toEqual(["c", "a", "d"]);
  });

  test("expired jobs do not count, although they are newer", async ({ store, stores }) => {
    const brief = stores.open({ ttlSeconds: { waiting: 0.2 } });
    const lasting = manyIds(10);
    await store.createMany(lasting.slice(0, 8).map((id) => ({ data: { title: id }, id })));
    await brief.createMany(manyIds(60, "brief").map((id) => ({ data: { title: id }, id })));
    await eventually(async () => expect((await brief.counts()).waiting).toBe(8));
    const strict = stores.openFor(limited({ waiting: 24 }));
    await strict.createMany(lasting.slice(8).map((id) => ({ data: { title: id }, id })));
    await laterThan(strict, new Date(Date.now() + 100));
    expect((await strict.getMany(lasting)).filter((job) => job !== null)).toHaveLength(10);
  });

  test("jobs of services with other TTLs count, and the oldest of all jobs are deleted first", async ({ stores }) => {
    const strict = stores.openFor(limited({ waiting: 6 }));
    await strict.createMany(manyIds(4).map((id) => ({ data: { title: id }, id })));
    const other = stores.openFor(limited({ waiting: 6 }), { ttlSeconds: { waiting: 60 } });
    await other.createMany(manyIds(40, "other").map((id) => ({ data: { title: id }, id })));
    await eventually(async () => expect((await strict.counts()).waiting).toBeLessThanOrEqual(8));
    expect((await strict.getMany(manyIds(4))).filter((job) => job !== null)).toEqual([]);
  });

  test("a status can keep a single job", async ({ stores }) => {
    const single = defineJob({
      name: "report",
      data: z.object({ title: z.string() }),
      initial: "waiting",
      statuses: { ...report.statuses, waiting: { next: ["working"], maxCount: 1 } },
    });
    const store = stores.openFor(single);
    for (const id of manyIds(40)) await store.create({ title: id }, { id });
    await eventually(async () => expect((await store.counts()).waiting).toBeLessThanOrEqual(4));
    expect(await store.get("job-0039")).not.toBeNull();
  });
}
