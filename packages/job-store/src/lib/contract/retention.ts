import { expect, vi } from "vitest";
import * as z from "zod";
import { defineJob, type Job, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { imported, jobIn, type Report, STATUSES, type Status } from "./definitions.js";
import { collect, expectRefusal, gone, idsOf, laterThan, manyIds, PATIENCE, view } from "./expectations.js";

/** Returns the time for which a job is kept after it entered its status, in milliseconds. null: it does not expire. */
const kept = (job: Job<Report> | null) =>
  job === null || job.expiresAt === null ? null : job.expiresAt.getTime() - job.statusAt.getTime();

async function finish(store: JobStore<Report>, id: string): Promise<Job<Report>> {
  return jobIn(store, "done", id);
}

export function retention({ test }: Context): void {
  test("ttlSeconds of the store overrides that of the definition for each status", async ({ stores }) => {
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

  test("progress does not extend the TTL of a job", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { working: 60 } });
    const job = await jobIn(store, "working", "a");
    await laterThan(store, job.statusAt);
    await store.updateProgress("a", { done: 1 });
    expect((await store.get("a"))?.expiresAt).toEqual(job.expiresAt);
  });

  test("re-entry starts the TTL again", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { working: 60 } });
    const job = await jobIn(store, "working", "a");
    await laterThan(store, job.statusAt);
    const again = await store.updateStatus("a", "working");
    expect(kept(again)).toBe(60_000);
    expect(again.expiresAt?.getTime()).toBeGreaterThan(job.expiresAt?.getTime() ?? Number.NaN);
  });

  test("with different ttlSeconds of services, jobs keep their TTL, and lists and counts contain all jobs", async ({
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

  test("a job that was finished with one ttlSeconds can be saved, retried and deleted with another", async ({
    store,
    stores,
  }) => {
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

  test("services with different ttlSeconds can use hundreds of statuses", async ({ stores }) => {
    const [initial = "", ...others] = manyIds(400, "status");
    const names = [initial, ...others];
    const many = defineJob({
      name: "many",
      data: z.object({ title: z.string() }),
      initial,
      statuses: {
        [initial]: { next: names, ttlSeconds: 3600 },
        ...Object.fromEntries(others.map((name) => [name, { next: [initial], ttlSeconds: 3600 }])),
      },
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

  test("ttlSeconds can change at every start of a service", async ({ stores }) => {
    for (let start = 0; start < 12; start++) {
      const service = stores.open({ ttlSeconds: { done: 100 + start } });
      await finish(service, `job-${start}`);
      expect((await service.counts()).done).toBe(start + 1);
      await service.close();
    }
    const jobs = (await stores.open().list({ status: "done", order: "oldest" })).items;
    expect(jobs.map(kept).sort()).toEqual(Array.from({ length: 12 }, (_, start) => (100 + start) * 1000).sort());
  });

  test("an invalid duration or status is INVALID_ARGUMENT", async ({ stores }) => {
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

export function expiry({ test }: Context): void {
  test("an expired job is absent from get, getMany, list, scan and counts", async ({ stores }) => {
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

  test("a status that is not final can have a TTL", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { waiting: 0.1 } });
    await jobIn(store, "waiting", "a");
    await gone(store, "a");
    expect((await store.counts()).waiting).toBe(0);
  });

  test("an expired job cannot be changed and is not restored", async ({ stores }) => {
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

  test("the id of an expired job can be used for another job without history", async ({ stores }) => {
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

  test("save stores a job with the id of an expired job", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { done: 0.1 } });
    await jobIn(store, "done", "a");
    await gone(store, "a");
    expect(await store.save(imported("a"))).toEqual(imported("a"));
    expect(await store.counts()).toMatchObject({ checking: 1, done: 0 });
  });

  test("leaving a final status by a retry or a save removes the TTL", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { failed: 0.2 } });
    await jobIn(store, "failed", "retried");
    expect((await store.updateStatus("retried", "waiting")).expiresAt).toBeNull();
    const failed = await jobIn(store, "failed", "saved");
    expect((await store.save({ ...failed, status: "checking" })).expiresAt).toBeNull();
    // This job failed after the other two. When it has expired, they would have expired, too.
    await jobIn(store, "failed", "witness");
    await gone(store, "witness");
    expect(await store.get("retried")).toMatchObject({ status: "waiting", attempt: 2, expiresAt: null });
    expect(await store.get("saved")).toMatchObject({ status: "checking", expiresAt: null });
    expect(await store.counts()).toMatchObject({ waiting: 1, checking: 1, failed: 0 });
    expect(idsOf((await store.list({ status: ["waiting", "checking"] })).items).sort()).toEqual(["retried", "saved"]);
  });

  test("progress does not prevent expiry", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { working: 0.15 } });
    const job = await jobIn(store, "working", "a");
    await store.updateProgress(job, { done: 1, body: "x".repeat(100) });
    await gone(store, "a");
    await expectRefusal(store.updateProgress(job, { done: 2 }), "NOT_FOUND", { jobId: "a" });
    expect(await store.counts()).toMatchObject({ working: 0 });
  });

  test("jobs that were finished with different ttlSeconds expire at their own times", async ({ stores }) => {
    const [brief, long] = [stores.open({ ttlSeconds: { done: 0.15 } }), stores.openApart()];
    await jobIn(brief, "done", "brief");
    await jobIn(long, "done", "long");
    await gone(long, "brief");
    for (const store of [brief, long]) {
      expect(idsOf((await store.list({ status: "done" })).items)).toEqual(["long"]);
      expect((await store.counts()).done).toBe(1);
    }
  });

  test("the messages of an expired job are kept", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { waiting: 0.1 } });
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    await gone(store, "a");
    expect(await store.outbox.depth()).toBe(1);
    expect(await store.outbox.read()).toMatchObject([{ jobId: "a", payload: 1 }]);
  });
}

/** Returns the time of the storage's clock. */
async function clock(store: JobStore<Report>): Promise<Date> {
  return (await store.create({ title: "A clock" })).job.createdAt;
}

/** Saves old jobs that will expire one after the other, at intervals of `stepMs`. */
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
  test("lists and counts are exact at all times while jobs expire one after the other", async ({ stores }) => {
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

  test("pages and counts are exact after hundreds of jobs expired at once, and jobs can be created", async ({
    stores,
  }) => {
    const store = stores.open({ ttlSeconds: { done: 1 } });
    const ids = manyIds(400);
    await finishAll(store, ids, 0);
    await store.save(imported("oldest", { status: "checking", createdAt: new Date(1), statusAt: new Date(1) }));
    await gone(store, ids[0] as string);
    expect(await store.counts()).toMatchObject({ done: 0, waiting: 1, checking: 1 });
    expect(await collect(store.scan({ status: "done", limit: 10 }))).toEqual([]);
    // The two jobs that have not expired are before and after all expired jobs in the list.
    expect(await collect(store.scan({ limit: 10 }))).toMatchObject([{ data: { title: "A clock" } }, { id: "oldest" }]);
    const again = await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    expect(again.every((one) => one.status === "fulfilled" && one.value.created)).toBe(true);
    expect(await store.counts()).toMatchObject({ done: 0, waiting: 401, checking: 1 });
    expect(await collect(store.scan({ limit: 100 }))).toHaveLength(402);
  });
}
