import { expect } from "vitest";
import * as z from "zod";
import { defineJob, type Job, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, STATUSES, type Status } from "./definitions.js";
import { expectRefusal, idsOf, laterThan, manyIds, view } from "./expectations.js";

/** How long a job is kept from entering its status, in milliseconds; null: for ever. */
const kept = (job: Job<Report> | null) =>
  job === null || job.expiresAt === null ? null : job.expiresAt.getTime() - job.statusAt.getTime();

async function finish(store: JobStore<Report>, id: string): Promise<Job<Report>> {
  return jobIn(store, "done", id);
}

export function retention({ test }: Context): void {
  test("ttlSeconds of the store replaces that of the definition, status by status", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { done: 60, waiting: 120.5, failed: 0, abandoned: undefined } });
    const expected: Record<Status, number | null> = {
      waiting: 120_500,
      working: null,
      checking: null,
      done: 60_000,
      failed: null,
      abandoned: null,
    };
    for (const status of STATUSES) expect(kept(await jobIn(store, status, status))).toBe(expected[status]);
    for (const status of STATUSES) expect(kept(await store.get(status))).toBe(expected[status]);
  });

  test("progress does not prolong a job's time", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { working: 60 } });
    const job = await jobIn(store, "working", "a");
    await laterThan(store, job.statusAt);
    await store.updateProgress("a", { done: 1 });
    expect((await store.get("a"))?.expiresAt).toEqual(job.expiresAt);
  });

  test("re-entry begins the time anew", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { working: 60 } });
    const job = await jobIn(store, "working", "a");
    await laterThan(store, job.statusAt);
    const again = await store.updateStatus("a", "working");
    expect(kept(again)).toBe(60_000);
    expect(again.expiresAt?.getTime()).toBeGreaterThan(job.expiresAt?.getTime() ?? Number.NaN);
  });

  test("services with different ttlSeconds: finished jobs keep theirs, lists and counts hold all", async ({
    stores,
  }) => {
    const services = [
      stores.open(),
      stores.openApart({ ttlSeconds: { done: 60 } }),
      stores.openApart({ ttlSeconds: { done: 0 } }),
      stores.openApart({ ttlSeconds: { done: 60.25 } }),
    ];
    for (const [index, service] of services.entries()) await finish(service, `job-${index}`);
    const ttls = [3_600_000, 60_000, null, 60_250];
    for (const service of services) {
      const jobs = await service.getMany(["job-0", "job-1", "job-2", "job-3"]);
      expect(jobs.map(kept)).toEqual(ttls);
      expect((await service.counts()).done).toBe(4);
      for (const order of ["newest", "oldest"] as const) {
        const listed = (await service.list({ status: "done", order })).items;
        expect(idsOf(listed).sort()).toEqual(["job-0", "job-1", "job-2", "job-3"]);
        const times = listed.map(({ statusAt }) => statusAt.getTime());
        expect(times).toEqual(times.toSorted((a, b) => (order === "oldest" ? a - b : b - a)));
      }
      const pages = [await service.list({ status: "done", limit: 3 })];
      pages.push(await service.list({ status: "done", limit: 3, cursor: pages[0]?.cursor }));
      expect(pages.map(({ items }) => items.length)).toEqual([3, 1]);
    }
  });

  test("a job finished under one setting is replaced, retried and deleted under another", async ({ store, stores }) => {
    const other = stores.openApart({ ttlSeconds: { done: 60, failed: 60, waiting: 90 } });
    const done = await finish(store, "a");
    expect(kept(await other.save(done))).toBe(60_000);
    await jobIn(store, "failed", "b");
    expect(kept(await other.updateStatus("b", "waiting"))).toBe(90_000);
    await finish(store, "c");
    expect(await other.delete("c")).toBe(true);
    const both = await Promise.all([view(store), view(other)]);
    expect(both[0]).toEqual(both[1]);
    expect(both[0].counts).toMatchObject({ done: 1, waiting: 1, failed: 0 });
    expect(both[0].jobs.map(({ id }) => id).sort()).toEqual(["a", "b"]);
  });

  test("services with different ttlSeconds share hundreds of statuses", async ({ stores }) => {
    const names = manyIds(400, "status");
    const many = defineJob({
      name: "many",
      data: z.object({ title: z.string() }),
      initial: "status-0000",
      statuses: Object.fromEntries(names.map((name) => [name, { next: names, ttlSeconds: 3600 }])),
    });
    const services = [
      stores.openFor(many),
      stores.openFor(many, { ttlSeconds: Object.fromEntries(names.map((name) => [name, 7200])) }),
    ] as const;
    const used = names.filter((_, n) => n % 21 === 0);
    for (const [n, service] of services.entries()) {
      for (const name of used) {
        await service.create({ title: name }, { id: `${name}-${n}` });
        await service.updateStatus(`${name}-${n}`, name);
      }
    }
    for (const service of services) {
      expect(await service.counts()).toEqual(
        Object.fromEntries(names.map((name) => [name, used.includes(name) ? 2 : 0])),
      );
      for (const name of used) {
        const { items } = await service.list({ status: name, order: "oldest" });
        expect(idsOf(items)).toEqual([`${name}-0`, `${name}-1`]);
        expect(items.map(({ statusAt, expiresAt }) => Number(expiresAt) - statusAt.getTime())).toEqual([
          3_600_000, 7_200_000,
        ]);
      }
    }
  });

  test("a setting may change from one start of a service to the next, again and again", async ({ stores }) => {
    for (let start = 0; start < 12; start++) {
      const service = stores.open({ ttlSeconds: { done: 100 + start } });
      await finish(service, `job-${start}`);
      expect((await service.counts()).done).toBe(start + 1);
      await service.close();
    }
    const jobs = (await stores.open().list({ status: "done", order: "oldest" })).items;
    expect(jobs.map(kept).sort()).toEqual(Array.from({ length: 12 }, (_, start) => (100 + start) * 1000).sort());
  });

  test("what is no duration, or no status, is INVALID_ARGUMENT", async ({ stores }) => {
    for (const ttlSeconds of [
      { done: -1 },
      { done: Number.NaN },
      { done: Number.POSITIVE_INFINITY },
      { done: "60" },
      { gone: 60 },
    ]) {
      await expectRefusal((async () => stores.open({ ttlSeconds: ttlSeconds as never }))(), "INVALID_ARGUMENT");
    }
  });
}
