import { expect } from "vitest";
import type { Job, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { imported, isFinal, jobIn, next, type Report, STATUSES, step } from "./definitions.js";
import { expectRefusal, laterThan, view } from "./expectations.js";

export function updateStatus({ test }: Context): void {
  test("a change writes result, error, progress, author and remark in one step", async ({ store }) => {
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

  test("absent and undefined values of a change leave the stored values unchanged", async ({ store }) => {
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

  test("progress null deletes the stored progress", async ({ store }) => {
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

  test("the values of a change that leaves a final status are stored", async ({ store }) => {
    await jobIn(store, "failed", "a");
    const retried = await store.updateStatus("a", "waiting", { progress: { done: 0 }, error: { message: "again" } });
    expect(retried).toMatchObject({ attempt: 2, progress: { done: 0 }, error: { message: "again" }, result: null });
  });

  test("a duplicate delivery changes nothing: the first write is kept", async ({ store }) => {
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

  test("re-entry of a status that lists itself is a change like any other", async ({ store }) => {
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
    test(`the change sets the TTL of ${to}`, async ({ store }) => {
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

  test("an unknown status is INVALID_ARGUMENT, for stored and for unknown jobs", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    for (const to of ["unheard-of", "", "toString", "__proto__", "Working", 7, null, undefined, ["working"]]) {
      await expectRefusal(step(store, "a", to as never), "INVALID_ARGUMENT");
      await expectRefusal(step(store, "b", to as never), "INVALID_ARGUMENT");
    }
    expect((await store.get("a"))?.version).toBe(1);
  });

  test("an invalid result, error or progress is rejected, and nothing changes", async ({ store }) => {
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

const ADDRESSED = {
  id: (job: Job<Report>) => ({ target: job.id, change: {} }),
  version: (job: Job<Report>) => ({ target: job.id, change: { ifVersion: job.version } }),
  snapshot: (job: Job<Report>) => ({ target: job, change: {} }),
} as const;

/** Tests every status × every requested status × every way to pass the job. */
export function transitions({ test }: Context): void {
  for (const from of STATUSES) {
    for (const to of STATUSES) {
      const legal = next(from).includes(to);
      const outcome = legal ? "moves" : from === to ? "answers unchanged" : "is ILLEGAL_TRANSITION";
      test(`${from} → ${to} ${outcome}, by id, by version and by snapshot`, async ({ store }) => {
        for (const [way, address] of Object.entries(ADDRESSED)) {
          const job = await jobIn(store, from, `by-${way}`);
          const { target, change } = address(job);
          const before = await view(store);
          const call = step(store, target, to, { ...change, outbox: [{ queue: "reports", payload: way }] });
          if (legal) {
            const moved = await call;
            expect(moved).toMatchObject({
              status: to,
              version: job.version + 1,
              attempt: job.attempt + (isFinal(from) ? 1 : 0),
              createdAt: job.createdAt,
            });
            expect(moved.history).toEqual([...job.history, { from, to, at: moved.statusAt, version: job.version + 1 }]);
            expect(await store.get(job.id)).toEqual(moved);
            const after = await view(store);
            expect(after.counts[to]).toBe(before.counts[to] + (from === to ? 0 : 1));
            expect(after.messages).toBe(before.messages + 1);
          } else {
            if (from === to) expect(await call).toEqual(job);
            else await expectRefusal(call, "ILLEGAL_TRANSITION", { jobId: job.id, from, to });
            expect(await view(store)).toEqual(before);
          }
        }
      });
    }

    test(`in ${from}, a version that is not the stored one is CONFLICT for every requested status`, async ({
      store,
    }) => {
      const job = await jobIn(store, from, "a");
      const before = await view(store);
      for (const to of STATUSES) {
        for (const version of [job.version + 1, 1000, ...(job.version > 1 ? [job.version - 1] : [])]) {
          const stored = { jobId: "a", currentVersion: job.version };
          await expectRefusal(step(store, "a", to, { ifVersion: version }), "CONFLICT", stored);
          await expectRefusal(step(store, { ...job, version }, to), "CONFLICT", stored);
        }
      }
      expect(await view(store)).toEqual(before);
    });

    test(`in ${from}, a snapshot of an earlier job with the same id is CONFLICT for every requested status`, async ({
      store,
    }) => {
      const stored = await jobIn(store, from, "a");
      const earlier = { ...stored, createdAt: new Date(stored.createdAt.getTime() - 1) };
      const before = await view(store);
      for (const to of STATUSES) {
        await expectRefusal(step(store, earlier, to), "CONFLICT", { jobId: "a", currentVersion: stored.version });
      }
      expect(await view(store)).toEqual(before);
    });
  }

  test("a snapshot does not change a job that was deleted and created again", async ({ store }) => {
    const { job: first } = await store.create({ title: "First" }, { id: "a" });
    await store.delete("a");
    const { job: second } = await store.create({ title: "Second" }, { id: "a" });
    await expectRefusal(step(store, first, "working"), "CONFLICT", { jobId: "a", currentVersion: 1 });
    await expectRefusal(store.updateProgress(first, { done: 1 }), "CONFLICT", { jobId: "a", currentVersion: 1 });
    await expectRefusal(store.delete(first), "CONFLICT", { jobId: "a", currentVersion: 1 });
    expect(await store.get("a")).toEqual(second);
    expect(await step(store, second, "working")).toMatchObject({ version: 2, data: { title: "Second" } });
  });

  test("the message of a CONFLICT names the expected version and the stored one", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: "a" });
    const stored = await step(store, "a", "working");
    const message = expect.stringMatching(/^Job a has version 2, but version 1 was expected\./);
    await expectRefusal(step(store, job, "done"), "CONFLICT", { message });
    await expectRefusal(step(store, "a", "done", { ifVersion: 1 }), "CONFLICT", { message });
    await expectRefusal(store.updateProgress(job, { done: 1 }), "CONFLICT", { message });
    await expectRefusal(store.delete(job), "CONFLICT", { message });
    await expectRefusal(store.save(job), "CONFLICT", { message });
    await expectRefusal(step(store, "a", "done", { ifVersion: 9 }), "CONFLICT", {
      message: expect.stringMatching(/^Job a has version 2, but version 9 was expected\./),
    });
    expect(await store.get("a")).toEqual(stored);
  });

  test("the message of a CONFLICT reports that the job was created again", async ({ store }) => {
    const { job } = await store.create({ title: "First" }, { id: "a" });
    await store.delete("a");
    await store.create({ title: "Second" }, { id: "a" });
    const message = expect.stringMatching(/^Job a is not the one that was read: it was deleted and created again/);
    await expectRefusal(step(store, job, "working"), "CONFLICT", { message });
  });

  test("each returned snapshot can be used for the next change", async ({ store }) => {
    const { job } = await store.create({ title: "One" });
    const working = await store.updateStatus(job as Job<Report, "waiting">, "working");
    const checking = await store.updateStatus(working, "checking");
    const done = await store.updateStatus(checking, "done", { result: { url: "x" } });
    expect(done.version).toBe(4);
    await expectRefusal(store.updateStatus(working, "failed"), "CONFLICT", { currentVersion: 4 });
  });
}

const steps = (job: Job<Report> | null) => job?.history.map(({ from, to, version }) => `${version} ${from} → ${to}`);

async function liveThrough(store: JobStore<Report>): Promise<Job<Report>> {
  await store.create({ title: "One" }, { id: "a" });
  await store.updateStatus("a", "working");
  await store.updateStatus("a", "working");
  await store.updateStatus("a", "failed");
  return store.updateStatus("a", "waiting");
}

export function history({ test }: Context): void {
  const all = [
    "1 null → waiting",
    "2 waiting → working",
    "3 working → working",
    "4 working → failed",
    "5 failed → waiting",
  ];
  for (const [historyLimit, kept] of [
    [0, []],
    [1, all.slice(-1)],
    [3, all.slice(-3)],
    [5, all],
    [undefined, all],
  ] as const) {
    test(`historyLimit ${historyLimit} keeps the newest ${kept.length} changes`, async ({ stores }) => {
      const store = stores.open({ historyLimit });
      const job = await liveThrough(store);
      expect(steps(job)).toEqual(kept);
      expect(steps(await store.get("a"))).toEqual(kept);
      expect(job.version).toBe(5);
    });
  }

  test("32 changes are kept by default", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    for (let change = 0; change < 39; change++) await store.updateStatus("a", "working");
    const job = await store.get("a");
    expect(job?.version).toBe(40);
    expect(job?.history.map(({ version }) => version)).toEqual(Array.from({ length: 32 }, (_, index) => index + 9));
  });

  test("each history entry has its own time, author and remark", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", by: "client" });
    await store.updateStatus("a", "working", { by: "worker", note: "took it" });
    const job = await store.updateStatus("a", "done", { note: "" });
    expect(job.history).toEqual([
      { from: null, to: "waiting", at: job.createdAt, version: 1, by: "client" },
      { from: "waiting", to: "working", at: expect.any(Date), version: 2, by: "worker", note: "took it" },
      { from: "working", to: "done", at: job.statusAt, version: 3, note: "" },
    ]);
    const times = job.history.map(({ at }) => at.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test("the key of a change is kept, also by save, and an invalid key is rejected", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const job = await store.updateStatus("a", "working", { key: "k-1" });
    await store.save(job);
    const next = await store.updateStatus("a", "done", { key: "k-2", by: "worker" });
    expect(next.history.map(({ key }) => key)).toEqual([undefined, "k-1", "k-2"]);
    for (const key of ["", "x".repeat(129), 1 as unknown as string]) {
      await expectRefusal(store.updateStatus("a", "done", { key }), "INVALID_ARGUMENT");
    }
  });

  test("save keeps the given history up to the limit, including unknown statuses", async ({ stores }) => {
    const store = stores.open({ historyLimit: 2 });
    const at = new Date(1_000_000);
    const past = [
      { from: null, to: "waiting", at, version: 1 },
      { from: "waiting", to: "abolished", at, version: 2 },
      { from: "abolished", to: "checking", at, version: 5, by: "migration", note: "renamed" },
    ] as unknown as Job<Report>["history"];
    const job = await store.save(imported("a", { history: past }));
    expect(job.history).toEqual(past.slice(-2));
    expect(await store.get("a")).toEqual(job);
    const next = await store.updateStatus("a", "done");
    expect(next.history).toEqual([past[2], { from: "checking", to: "done", at: next.statusAt, version: 8 }]);
  });

  test("entries of any length and time count towards the limit", async ({ stores }) => {
    const store = stores.open({ historyLimit: 10 });
    const past = Array.from({ length: 10 }, (_, n) => ({ from: "", to: "", at: new Date(n), version: n + 1 }));
    const job = await store.save(imported("a", { history: past as unknown as Job<Report>["history"] }));
    expect(job.history).toEqual(past);
    expect((await store.updateStatus("a", "done")).history).toEqual([
      ...past.slice(1),
      expect.objectContaining({ from: "checking", to: "done", version: 8 }),
    ]);
  });

  test("a service with a smaller limit shortens the history when it writes, not when it reads", async ({
    store,
    stores,
  }) => {
    const short = stores.openApart({ historyLimit: 1 });
    const job = await liveThrough(store);
    expect((await short.get("a"))?.history).toEqual(job.history);
    expect(steps(await short.updateStatus("a", "working"))).toEqual(["6 waiting → working"]);
    expect(steps(await store.updateStatus("a", "done"))).toEqual(["6 waiting → working", "7 working → done"]);
  });

  test("a limit out of range is INVALID_ARGUMENT", async ({ stores }) => {
    for (const historyLimit of [-1, 1.5, Number.NaN, 1_000_000]) {
      await expectRefusal((async () => stores.open({ historyLimit }))(), "INVALID_ARGUMENT");
    }
  });
}
