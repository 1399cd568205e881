import { expect, vi } from "vitest";
import * as z from "zod";
import { defineJob, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { imported, type Report, report } from "./definitions.js";
import { collect, idsOf, laterThan, manyIds, PATIENCE } from "./expectations.js";

/** Reports of which a limited number is kept in some statuses. */
function limited(most: { readonly waiting?: number; readonly done?: number }) {
  const { waiting, done } = report.statuses;
  const statuses = {
    ...report.statuses,
    waiting: { ...waiting, maxCount: most.waiting },
    done: { ...done, maxCount: most.done },
  };
  // The same definition but for how much is kept.
  return defineJob({ ...report, statuses } as unknown as Report);
}

/** Brings jobs from one status to the next, each a millisecond after the one before. */
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

const settled = (look: () => Promise<void>) => vi.waitFor(look, PATIENCE);

export function maxCount({ test }: Context): void {
  test("of a status the jobs are kept that entered it last, in every view; others are deleted, and watchers see it", async ({
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
    await settled(async () => expect(await store.counts()).toMatchObject({ done: 4, waiting: 1 }));
    const last = (await collect(store.scan({ status: "done", order: "oldest" }))).map(({ id }) => id);
    expect(last).toEqual(kept);
    expect((await collect(store.scan({ order: "oldest" }))).map(({ id }) => id)).toEqual(["other", ...kept]);
    expect(idsOf((await store.list({ where: { label: "red" }, order: "oldest" })).items)).toEqual(kept);
    expect((await store.getMany(ids)).map((job) => job?.id ?? null)).toEqual([...Array(6).fill(null), ...kept]);
    expect(await store.outbox.depth()).toBe(10);
    await settled(async () => expect(watched.toSorted()).toEqual(ids.slice(0, 6)));
    end.abort();
    await watching;
  });

  test("never fewer than the limit are kept, and few more, under a steady high rate of writes", async ({
    stores,
    underTest,
  }) => {
    const most = 200;
    const shards = underTest.shards ?? 1;
    const writers = [1, 2, 3, 4].map(() => stores.openFor(limited({ waiting: most })));
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
    let mostSeen = 0;
    while (left > 0) {
      const before = created;
      const { waiting } = await reader.counts();
      mostSeen = Math.max(mostSeen, waiting);
      // Each shard keeps its share; which shards the first jobs go to is chance.
      if (shards === 1) expect(waiting).toBeGreaterThanOrEqual(Math.min(most, before));
    }
    await writing;
    expect(mostSeen).toBeLessThanOrEqual(most + writers.length * (2 * calls + 32 * shards));
    await settled(async () => expect((await reader.counts()).waiting).toBe(most));
    expect(await collect(reader.scan({ limit: 1000 }))).toHaveLength(most);
    expect(await collect(reader.scan({ where: { label: "red" }, limit: 1000 }))).toHaveLength(most);
  });

  test("hundreds at once, and a limit that comes later, are brought down as well", async ({ store, stores }) => {
    await store.createMany(manyIds(900).map((id) => ({ data: { title: id }, id })));
    expect((await store.counts()).waiting).toBe(900);
    const strict = stores.openFor(limited({ waiting: 20 }));
    // Enough for every shard: each is trimmed beside its own writes.
    await strict.createMany(manyIds(60, "late").map((id) => ({ data: { title: id }, id })));
    await settled(async () => expect((await store.counts()).waiting).toBe(20));
    expect(idsOf((await store.list({ limit: 1000 })).items).filter((id) => !id.startsWith("late"))).toEqual([]);
    await strict.createMany(manyIds(300, "more").map((id) => ({ data: { title: id }, id })));
    await settled(async () => expect((await store.counts()).waiting).toBe(20));
    expect(idsOf((await store.list({ limit: 1000 })).items).filter((id) => !id.startsWith("more"))).toEqual([]);
  });

  test("jobs on their way through a status are not taken for its oldest", async ({ stores }) => {
    const store = stores.openFor(limited({ waiting: 4 }));
    const ids = manyIds(120);
    // Whoever has moved on before the status was full is out of danger.
    for (const id of ids) {
      await store.create({ title: id }, { id });
      await store.updateStatus(id, "working");
    }
    await store.createMany(manyIds(60, "more").map((id) => ({ data: { title: id }, id })));
    await settled(async () => expect(await store.counts()).toMatchObject({ waiting: 4, working: 120 }));
    expect((await store.getMany(ids)).filter((job) => job?.status === "working")).toHaveLength(120);
  });

  test("a job that enters the status anew counts as new, one that was saved with a time of long ago as old", async ({
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
    await settled(async () => expect(await left()).toEqual(["c", "a", "d"]));
    const old = { createdAt: new Date(1), updatedAt: new Date(1), statusAt: new Date(1) };
    await store.save(imported("old", { status: "working", ...old }));
    await settled(async () => expect(await store.get("old")).toBeNull());
    expect(await left()).toEqual(["c", "a", "d"]);
  });

  test("expired jobs do not count, though they are the newer ones", async ({ store, stores }) => {
    const brief = stores.open({ ttlSeconds: { waiting: 0.2 } });
    const lasting = manyIds(10);
    await store.createMany(lasting.slice(0, 8).map((id) => ({ data: { title: id }, id })));
    await brief.createMany(manyIds(60, "brief").map((id) => ({ data: { title: id }, id })));
    await settled(async () => expect((await brief.counts()).waiting).toBe(8));
    const strict = stores.openFor(limited({ waiting: 24 }));
    await strict.createMany(lasting.slice(8).map((id) => ({ data: { title: id }, id })));
    await laterThan(strict, new Date(Date.now() + 100));
    expect((await strict.getMany(lasting)).filter((job) => job !== null)).toHaveLength(10);
  });

  test("jobs of services with other TTLs count, and the oldest of all go first", async ({ stores }) => {
    const strict = stores.openFor(limited({ waiting: 6 }));
    await strict.createMany(manyIds(4).map((id) => ({ data: { title: id }, id })));
    const other = stores.openFor(limited({ waiting: 6 }), { ttlSeconds: { waiting: 60 } });
    await other.createMany(manyIds(40, "other").map((id) => ({ data: { title: id }, id })));
    await settled(async () => expect((await strict.counts()).waiting).toBeLessThanOrEqual(8));
    expect((await strict.getMany(manyIds(4))).filter((job) => job !== null)).toEqual([]);
  });

  test("a limit of one", async ({ stores }) => {
    const single = defineJob({
      name: "report",
      data: z.object({ title: z.string() }),
      initial: "waiting",
      statuses: { ...report.statuses, waiting: { next: ["working"], maxCount: 1 } },
    });
    const store = stores.openFor(single);
    for (const id of manyIds(40)) await store.create({ title: id }, { id });
    await settled(async () => expect((await store.counts()).waiting).toBeLessThanOrEqual(4));
    expect(await store.get("job-0039")).not.toBeNull();
  });
}
