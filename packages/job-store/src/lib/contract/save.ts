import { expect } from "vitest";
import type { Job } from "../../index.js";
import type { Context } from "./context.js";
import { imported, jobIn, type Report, STATUSES, step } from "./definitions.js";
import { expectRefusal, idsOf, view } from "./expectations.js";

export function save({ test }: Context): void {
  for (const status of STATUSES) {
    test(`save stores a new job as given, in ${status}`, async ({ store }) => {
      const job = imported("a", { status, result: { url: "https://reports.test/a" }, error: { message: "late" } });
      // With its old statusAt, the job would have expired if the status has a TTL.
      const recent = { ...job, statusAt: (await store.create({ title: "A clock" })).job.createdAt } as Job<Report>;
      const saved = await store.save(recent);
      expect(saved).toEqual({ ...recent, expiresAt: saved.expiresAt });
      expect(await store.get("a")).toEqual(saved);
      expect(idsOf((await store.list({ status })).items)).toContain("a");
    });
  }

  test("the lease is ignored, and can be absent", async ({ store }) => {
    const { leasedUntil: _, ...job } = imported("a");
    const saved = await store.save(job);
    expect(saved).toEqual({ ...job, leasedUntil: null });
    expect(await store.save({ ...saved, leasedUntil: new Date(4_000_000_000_000) } as Job<Report>)).toMatchObject({
      version: 8,
      leasedUntil: null,
    });
  });

  test("version and attempt can be saved up to 10^13 and then increase, and higher ones are INVALID_ARGUMENT", async ({
    store,
  }) => {
    const max = 10 ** 13;
    const job = imported("a", { status: "abandoned", version: max, attempt: max });
    const saved = await store.save(await store.save(job));
    expect(saved).toMatchObject({ version: max + 1, attempt: max });
    expect(await step(store, "a", "abandoned")).toMatchObject({ version: max + 2, attempt: max + 1 });
    expect(await store.get("a")).toMatchObject({ version: max + 2, attempt: max + 1 });
    await expectRefusal(store.save({ ...job, version: max + 1 }), "INVALID_ARGUMENT");
    await expectRefusal(store.save({ ...job, attempt: max + 1 }), "INVALID_ARGUMENT");
  });

  test("a change of 1970-01-01T00:00:00.000Z keeps its time, with a remark and without", async ({ store }) => {
    const epoch = { from: null, to: "waiting", at: new Date(0), version: 1 } as const;
    for (const [id, change] of Object.entries({ a: epoch, b: { ...epoch, note: "by hand" } })) {
      const saved = await store.save(imported(id, { createdAt: new Date(1000), history: [change] }));
      expect(saved.history).toEqual([change]);
      await store.updateProgress(id, { done: 1 });
      expect((await store.get(id))?.history).toEqual([change]);
    }
  });

  test("lists by status and by creation use the times of the saved job", async ({ store }) => {
    await store.save(imported("b", { createdAt: new Date(2000), statusAt: new Date(3000) }));
    await store.save(imported("a", { createdAt: new Date(1000), statusAt: new Date(4000) }));
    expect(idsOf((await store.list({ order: "oldest" })).items)).toEqual(["a", "b"]);
    expect(idsOf((await store.list({ order: "oldest", status: "checking" })).items)).toEqual(["b", "a"]);
  });

  for (const status of STATUSES) {
    test(`save replaces a job in ${status} by a job in any status, with the next version`, async ({ store }) => {
      let stored = await jobIn(store, status, "a");
      for (const to of STATUSES) {
        const wanted = { ...stored, status: to, data: { title: `In ${to}` } } as Job<Report>;
        const saved = await store.save(wanted);
        expect(saved).toEqual({ ...wanted, version: stored.version + 1, expiresAt: saved.expiresAt });
        expect(await store.counts()).toEqual({ ...Object.fromEntries(STATUSES.map((one) => [one, 0])), [to]: 1 });
        stored = saved;
      }
      expect((await store.list()).items).toEqual([stored]);
    });
  }

  test("lists use the new times of a job that was saved again", async ({ store }) => {
    for (const [index, id] of ["a", "b", "c"].entries()) {
      const at = new Date(1000 * (index + 1));
      await store.save(imported(id, { createdAt: at, statusAt: at }));
    }
    const [middle] = await store.getMany(["b"]);
    await store.save({ ...(middle as Job<Report>), createdAt: new Date(500), statusAt: new Date(9000) });
    expect(idsOf((await store.list({ order: "oldest" })).items)).toEqual(["b", "a", "c"]);
    expect(idsOf((await store.list({ order: "oldest", status: "checking" })).items)).toEqual(["a", "c", "b"]);
    await expectRefusal(store.delete(middle as Job<Report>), "CONFLICT", { jobId: "b", currentVersion: 8 });
  });

  test("the TTL is that of the saved status, and counts from statusAt", async ({ store }) => {
    const job = await jobIn(store, "waiting", "a");
    const done = await store.save({ ...job, status: "done" });
    expect(done.expiresAt).toEqual(new Date(job.statusAt.getTime() + 3_600_000));
    const halfway = new Date(job.statusAt.getTime() - 1_800_000);
    const older = await store.save({ ...done, statusAt: halfway });
    expect(older.expiresAt).toEqual(new Date(halfway.getTime() + 3_600_000));
    const kept = await store.save({ ...older, status: "working" });
    expect(kept.expiresAt).toBeNull();
  });

  test("a job that has already expired is INVALID_ARGUMENT, and nothing changes", async ({ store }) => {
    const job = await jobIn(store, "waiting", "a");
    const before = await view(store);
    const longAgo = new Date(job.statusAt.getTime() - 3_700_000);
    await expectRefusal(store.save({ ...job, status: "done", statusAt: longAgo }), "INVALID_ARGUMENT", { jobId: "a" });
    await expectRefusal(store.save(imported("b", { status: "done" })), "INVALID_ARGUMENT", { jobId: "b" });
    expect(await view(store)).toEqual(before);
  });

  test("an older or newer version than the stored one is CONFLICT, and nothing changes", async ({ store }) => {
    const job = await jobIn(store, "checking", "a");
    const before = await view(store);
    for (const version of [1, 2, 4, 1000]) {
      await expectRefusal(store.save({ ...job, version }), "CONFLICT", { jobId: "a", currentVersion: 3 });
    }
    expect(await view(store)).toEqual(before);
  });

  test("values that the schemas reject are INVALID_DATA, and nothing changes", async ({ store }) => {
    const job = await jobIn(store, "working", "a");
    const before = await view(store);
    for (const change of [{ data: { title: "" } }, { result: { url: 7 } }, { progress: { done: -1 } }]) {
      const error = await expectRefusal(store.save({ ...job, ...change } as Job<Report>), "INVALID_DATA", {
        jobId: "a",
      });
      expect(error.issues?.length).toBeGreaterThan(0);
    }
    expect(await view(store)).toEqual(before);
  });

  test("a value that is not a job is INVALID_ARGUMENT, and nothing changes", async ({ store }) => {
    const job = await jobIn(store, "working", "a");
    const before = await view(store);
    const wrong: object[] = [
      { id: "job:*" },
      { status: "unheard-of" },
      { version: 0 },
      { version: 1.5 },
      { attempt: 0 },
      { createdAt: new Date(Number.NaN) },
      { updatedAt: "2024-01-01" },
      { statusAt: new Date(-1) },
      { error: { code: "no message" } },
      { history: null },
      { history: [null] },
      { history: [{ from: null, to: 7, at: new Date(), version: 1 }] },
      { history: [{ from: null, to: "waiting", at: "yesterday", version: 1 }] },
    ];
    for (const change of wrong) {
      await expectRefusal(store.save({ ...job, ...change } as Job<Report>), "INVALID_ARGUMENT");
    }
    await expectRefusal(store.save(null as never), "INVALID_ARGUMENT");
    expect(await view(store)).toEqual(before);
  });

  test("a saved job can be changed like any other", async ({ store }) => {
    await store.save(imported("a"));
    const done = await store.updateStatus("a", "done", { result: { url: "https://reports.test/a" } });
    expect(done).toMatchObject({ version: 8, attempt: 3, status: "done", data: { body: { pages: 12 } } });
    expect(done.history.map(({ version }) => version)).toEqual([1, 6, 8]);
  });
}
