import { expect } from "vitest";
import type { Change, Job, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { imported, jobIn, type Report, step } from "./definitions.js";
import { expectRefusal, idsOf, manyIds, view } from "./expectations.js";
import { claimed, direct, MINUTE, takeOne } from "./requests.js";

const FITS = "x".repeat(6_000);
const TOO_MUCH = "x".repeat(10_001);
/** Text of 6,000 characters and 12,000 bytes. */
const TOO_MANY_BYTES = "é".repeat(6_000);

export function limits({ test }: Context): void {
  for (const [says, body] of [
    ["characters", TOO_MUCH],
    ["bytes", TOO_MANY_BYTES],
  ] as const) {
    test(`a record of more ${says} than maxRecordBytes is INVALID_DATA for every write`, async ({ stores }) => {
      const store = stores.open({ maxRecordBytes: 10_000 });
      await jobIn(store, "working", "a");
      const before = await view(store);
      const outbox = [{ queue: "reports", payload: {} }];
      const calls = [
        () => store.create({ title: "One", body }, { id: "a-new-one", outbox }),
        () => store.updateStatus("a", "done", { result: { url: "x", body }, outbox }),
        () => store.updateStatus("a", "done", { progress: { done: 1, body }, outbox }),
        // A change without progress and result may exceed the limit by 64 KiB.
        () => store.updateStatus("a", "done", { error: { message: body.repeat(8) }, outbox }),
        () => store.updateStatus("a", "done", { note: body.repeat(8), outbox }),
        () => store.updateProgress("a", { done: 1, body }),
        () => store.save(imported("a-new-one", { data: { title: "One", body } })),
      ];
      for (const call of calls) {
        const error = await expectRefusal(call(), "INVALID_DATA");
        expect(error.issues).toEqual([{ path: [], message: expect.stringContaining("bytes") }]);
      }
      expect(await view(store)).toEqual(before);
    });
  }

  test("a record up to the limit is written, also if all of its values together reach the limit", async ({
    stores,
  }) => {
    const store = stores.open({ maxRecordBytes: 10_000 });
    const { job } = await store.create({ title: "One", body: FITS }, { id: "a" });
    expect(job.data.body).toBe(FITS);
    await store.updateProgress("a", { done: 1, body: "x".repeat(3_000) });
    await expectRefusal(store.updateStatus("a", "working", { result: { url: FITS } }), "INVALID_DATA", { jobId: "a" });
    expect(
      await store.updateStatus("a", "working", { result: { url: FITS }, progress: null }).catch(() => null),
    ).toBeNull();
    const working = await store.updateStatus("a", "working", { result: { url: "x".repeat(3_000) }, progress: null });
    expect(working).toMatchObject({ version: 2, data: { body: FITS }, progress: null });
  });

  test("an outbox message does not count as part of the record", async ({ stores }) => {
    const store = stores.open({ maxRecordBytes: 10_000 });
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: TOO_MUCH }] });
    expect((await store.outbox.read())[0]?.payload).toBe(TOO_MUCH);
  });

  test("a record that exceeds the limit can still be read, and changed if it becomes smaller", async ({
    store,
    stores,
  }) => {
    const strict = stores.openApart({ maxRecordBytes: 10_000 });
    await store.create({ title: "One" }, { id: "a" });
    await store.updateStatus("a", "failed", { result: { url: TOO_MUCH } });
    expect((await strict.get("a"))?.result?.url).toBe(TOO_MUCH);
    expect((await strict.list({ status: "failed" })).items).toHaveLength(1);
    expect(await strict.updateStatus("a", "waiting")).toMatchObject({ result: null, version: 3 });
  });

  test("a job at the limit can be claimed, retried and failed, and takes no further content", async ({ stores }) => {
    const store = stores.open({ maxRecordBytes: 10_000 });
    await createAtLimit(store, "a");
    const { job } = await claimed(store, "a");
    await expectRefusal(store.updateStatus(job, "done", { result: { url: "x" } }), "INVALID_DATA");
    await expectRefusal(store.updateStatus(job, "done", { progress: { done: 1 } }), "INVALID_DATA");
    const error = { message: "x".repeat(5_000) };
    const waits = await store.updateStatus(job, "working", { error, failedAttempt: true, leaseMs: MINUTE });
    expect(waits).toMatchObject({ status: "working", error, version: 3 });
    await store.updateStatus(waits, "failed", { error: { message: "x" } });
    expect(await store.updateStatus("a", "waiting")).toMatchObject({ version: 5, error: null });
    expect(await claimed(store, "a", direct("m-2"))).toMatchObject({ job: { version: 6 } });
  });

  test("a job at the limit can be failed by its message", async ({ stores }) => {
    const store = stores.open({ maxRecordBytes: 10_000 });
    await createAtLimit(store, "a");
    const { queue, id, origin = "" } = await takeOne(store);
    const message = { queue, id, origin };
    const options = { from: ["waiting"], working: "working", message, error: { message: "no JSON" } } as const;
    expect(await store.failRequest("a", "failed", options)).toMatchObject({
      kind: "failed",
      job: { status: "failed" },
    });
  });

  test("a limit out of range is INVALID_ARGUMENT", async ({ stores }) => {
    for (const maxRecordBytes of [0, 1023, 1024.5, Number.NaN, 2 ** 30]) {
      await expectRefusal((async () => stores.open({ maxRecordBytes }))(), "INVALID_ARGUMENT");
    }
  });
}

/** Creates a job with a message for "reports", and with the longest text that the store accepts. */
async function createAtLimit(store: JobStore<Report>, id: string): Promise<void> {
  const outbox = [{ queue: "reports", payload: {} }];
  for (let length = 10_000; ; length--) {
    const created = store.create({ title: "One", body: "x".repeat(length) }, { id, outbox });
    if ((await created.catch(() => null)) !== null) return;
    // Records have a beginning of less than 500 bytes.
    if (length < 9_500) expect.fail("no record fits");
  }
}

/** Characters of one to four bytes, and characters that JSON, Lua and patterns escape. */
const PATTERN = 'aé"\\\n🦊]%映\0z';

/** Returns a text of this number of UTF-16 code units. */
function text(length: number): string {
  return PATTERN.repeat(Math.ceil(length / PATTERN.length)).slice(0, length);
}

/** Returns the job that results from a change of `job`. Its times are those of `moved`. */
function changed(job: Job<Report>, moved: Job<Report>, { by, note, ...parts }: Change<Report>): Job<Report> {
  const [from, to, version, at] = [job.status, moved.status, job.version + 1, moved.statusAt];
  const entry = { from, to, at, version, ...(by !== undefined && { by }), ...(note !== undefined && { note }) };
  const { expiresAt } = moved;
  const times = { updatedAt: at, statusAt: at, expiresAt };
  return { ...job, ...parts, ...times, status: to, version, history: [...job.history, entry] } as Job<Report>;
}

/** A little less than the default of `maxRecordBytes`. */
const ALMOST_ALL = 4_194_304 - 2_048;

export function growth({ test }: Context): void {
  test("a record that grows with each of 100 changes is read back exactly", async ({ stores }) => {
    const [store, reader] = [stores.open({ historyLimit: 1000 }), stores.openApart()];
    let job: Job<Report> = (await store.create({ title: "One", body: text(20) }, { id: "a", by: "client" })).job;
    for (let n = 1; n <= 100; n++) {
      const progress = { done: n, body: text(n * 7) };
      if (n % 3 === 0) {
        await store.updateProgress("a", progress);
        job = { ...job, progress } as Job<Report>;
      }
      const change: Change<Report> = {
        by: `worker-${n}`,
        note: text(n),
        ...(n % 4 === 0 && { result: { url: text(n * 5) } }),
        ...(n % 5 === 0 && { progress }),
        ...(n % 7 === 0 && { error: { message: text(n * 3), code: `E${n}`, retryable: n % 2 === 0 } }),
      };
      const moved = await store.updateStatus("a", "working", change);
      expect(moved).toEqual(changed(job, moved, change));
      expect(await reader.get("a")).toEqual(moved);
      job = moved;
    }
    expect((await reader.list({ status: "working" })).items).toEqual([job]);
    expect((await reader.list()).items).toEqual([job]);
  });

  test("a record that grows and shrinks by any amount is read back exactly", async ({ store, stores }) => {
    const reader = stores.openApart();
    await store.create({ title: "One", body: text(300) }, { id: "a" });
    let job: Job<Report> = await store.updateStatus("a", "working");
    for (const length of [0, 1, 500, 3, 70_000, 0, 4_000, 300_000, 2, 60]) {
      const progress = { done: 1, body: text(length) };
      await store.updateProgress("a", progress);
      job = { ...job, progress, updatedAt: (await reader.get("a"))?.updatedAt } as Job<Report>;
      expect(await reader.get("a")).toEqual(job);
      const change = { progress: null, result: { url: text(length) }, note: text(length % 1000) };
      const moved = await store.updateStatus("a", "working", change);
      expect(moved).toEqual(changed(job, moved, change));
      expect(await reader.get("a")).toEqual(moved);
      const saved = await store.save({ ...moved, data: { title: "One", body: text(length) } });
      expect(saved).toMatchObject({ data: { body: text(length) }, history: moved.history });
      expect(await reader.get("a")).toEqual(saved);
      job = saved;
    }
    await store.updateStatus("a", "failed", { error: { message: text(50_000) } });
    const again = await store.updateStatus("a", "waiting");
    expect(again).toMatchObject({ data: job.data, result: null, error: null, progress: null, attempt: 2 });
    expect(await reader.get("a")).toEqual(again);
  });

  test("similar jobs that change in one event-loop tick keep their own values", async ({ stores }) => {
    const [store, reader] = [stores.open({ historyLimit: 100 }), stores.openApart()];
    const ids = manyIds(40);
    const created = await Promise.all(ids.map((id) => store.create({ title: "Same", label: "red" }, { id })));
    let jobs: readonly Job<Report>[] = created.map((one) => one.job);
    for (let round = 0; round < 12; round++) {
      // In each round, some jobs have the same change, and some have a change of their own.
      const changeOf = (n: number): Change<Report> => ({
        ...(n % 3 === 0 && { note: text((n * round) % 200) }),
        ...(n % 5 === round % 5 && { result: { url: `${n}:${text(round * n)}` } }),
        ...(n % 7 === round % 7 && { progress: { done: n, body: text(n) } }),
      });
      const moved = await Promise.all(ids.map((id, n) => store.updateStatus(id, "working", changeOf(n))));
      expect(moved).toEqual(moved.map((one, n) => changed(jobs[n] as Job<Report>, one, changeOf(n))));
      expect(await reader.getMany(ids)).toEqual(moved);
      jobs = moved;
    }
    expect(idsOf((await reader.list({ status: "working", where: { label: "red" } })).items).toSorted()).toEqual(ids);
  });

  test("a history of 1,000 changes is kept completely, and changes of one event-loop tick continue it in order", async ({
    stores,
  }) => {
    const store = stores.open({ historyLimit: 1000 });
    const at = new Date(1_700_000_000_000);
    const past = Array.from({ length: 950 }, (_, n) => ({
      ...{ from: "working", to: "working", at, version: n + 1, note: text(n % 40) },
    })) as Job<Report>["history"];
    await store.save(imported("a", { status: "working", version: 950, history: past }));
    const changes = Array.from({ length: 100 }, (_, n) => ({ by: `worker-${n}`, note: `change ${n}` }));
    const moved = await Promise.all(changes.map((change) => store.updateStatus("a", "working", change)));
    expect(moved.map(({ version }) => version)).toEqual(changes.map((_, n) => 951 + n));
    const last = moved.at(-1) as Job<Report>;
    const times = moved.map(({ statusAt }) => statusAt);
    const added = changes.map((change, n) => ({
      from: "working",
      to: "working",
      at: times[n],
      version: 951 + n,
      ...change,
    }));
    expect(last.history).toEqual([...past, ...added].slice(-1000));
    expect(await stores.openApart().get("a")).toEqual(last);
    await store.updateProgress("a", { done: 1 });
    expect((await store.get("a"))?.history).toEqual(last.history);
  });

  test("without history, each change of one event-loop tick is made once", async ({ stores }) => {
    const store = stores.open({ historyLimit: 0 });
    await store.create({ title: "One" }, { id: "a" });
    const moved = await Promise.all(Array.from({ length: 50 }, () => store.updateStatus("a", "working")));
    expect(moved.map(({ version, history }) => [version, history])).toEqual(moved.map((_, n) => [n + 2, []]));
    await store.updateProgress("a", { done: 1 });
    const saved = await store.save({ ...(moved.at(-1) as Job<Report>), data: { title: "Two" } });
    expect(saved).toMatchObject({ version: 52, history: [] });
    expect(await stores.openApart({ historyLimit: 1000 }).get("a")).toEqual(saved);
  });

  for (const [characters, body] of [
    ["one byte", "x".repeat(ALMOST_ALL)],
    ["several bytes", "映".repeat(ALMOST_ALL / 3)],
  ] as const) {
    test(`every call on a record of almost 4 MiB in characters of ${characters} succeeds`, async ({
      store,
      stores,
    }) => {
      const reader = stores.openApart();
      const small: Job<Report> = (await store.create({ title: "Small", label: "red" }, { id: "small" })).job;
      const { job } = await store.create({ title: "Large", label: "red", body }, { id: "large" });
      expect(job.data).toEqual({ title: "Large", label: "red", body });
      expect(await reader.get("large")).toEqual(job);
      await store.updateProgress(job, { done: 1, body: text(100) });
      const moved = await step(store, job, "working", { note: "by snapshot" });
      expect(moved).toMatchObject({ version: 2, progress: { done: 1, body: text(100) }, data: { body } });
      const again = await store.updateStatus("large", "working", { result: { url: text(100) }, note: "by id" });
      expect(await reader.getMany(["large", "small"])).toEqual([again, small]);
      const saved = await store.save({ ...again, data: { ...again.data, title: "Saved" } });
      expect(saved).toMatchObject({ version: 4, data: { title: "Saved", body } });
      for (const query of [{ status: "working" }, { where: { label: "red" }, status: "working" }] as const) {
        expect((await reader.list(query)).items).toEqual([saved]);
      }
      expect((await reader.list({ where: { label: "red" }, order: "oldest" })).items).toEqual([small, saved]);
      expect(await store.audit({ repair: true })).toMatchObject({ jobs: 2, missingFromIndex: 0, staleInIndex: 0 });
      expect(await store.delete(saved)).toBe(true);
      expect(await reader.getMany(["large", "small"])).toEqual([null, small]);
    });
  }

  test("a record of more than 4 MiB is rejected by default, for each part that can make it too large", async ({
    store,
  }) => {
    const body = "x".repeat(2 ** 21);
    await store.create({ title: "One", body }, { id: "a" });
    await store.updateProgress("a", { done: 1, body: "x".repeat(2 ** 21 - 2048) });
    const before = await view(store);
    const [more, much] = [text(2048), text(65_536)];
    const calls = [
      () => store.create({ title: "Two", body: body + body }),
      () => store.updateStatus("a", "working", { note: much }),
      () => store.updateStatus("a", "working", { result: { url: more } }),
      () => store.updateStatus("a", "failed", { error: { message: much } }),
      () => store.updateProgress("a", { done: 1, body }),
    ];
    for (const call of calls) await expectRefusal(call(), "INVALID_DATA");
    expect(await view(store)).toEqual(before);
    expect(await store.updateStatus("a", "working", { note: "short" })).toMatchObject({ version: 2, data: { body } });
  });
}
