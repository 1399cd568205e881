import { expect } from "vitest";
import type { JobEvent, JobStorage, JobStoreDriver } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, report, step } from "./definitions.js";
import { expectRefusal, PATIENCE, view } from "./expectations.js";
import {
  claim,
  claimed,
  createClaimed,
  createRequested,
  direct,
  expectLease,
  leaseOver,
  MINUTE,
  received,
  SHORT,
  take,
  takeOne,
} from "./requests.js";

export function leases({ test }: Context): void {
  test("a renewal changes the lease and nothing else", async ({ store, stores }) => {
    const { job } = await createClaimed(store, "a");
    expect(await stores.openApart().renewLeases([job], 3 * MINUTE)).toEqual([true]);
    const renewed = await store.get("a");
    expect(renewed).toEqual({ ...job, leasedUntil: expect.any(Date) });
    const ms = Number(renewed?.leasedUntil) - Number(job.leasedUntil);
    expect(ms).toBeGreaterThanOrEqual(2 * MINUTE);
    expect(await store.renewLeases([job], MINUTE)).toEqual([true]);
    expect(Number((await store.get("a"))?.leasedUntil)).toBeLessThan(Number(renewed?.leasedUntil));
  });

  test("a job that is leased for long emits no event", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    const events: JobEvent<Report>[] = [];
    for await (const event of store.watch("a")) {
      events.push(event);
      if (event.type === "snapshot") {
        for (let n = 0; n < 5; n++) await store.renewLeases([job], MINUTE);
        await store.updateProgress(job, { done: 1 });
      } else break;
    }
    expect(events).toMatchObject([{ type: "snapshot", job }, { type: "progress" }]);
    expect(await store.get("a")).toMatchObject({ version: 2, leasedUntil: expect.any(Date) });
  });

  test("each job of a renewal has an answer of its own", async ({ store }) => {
    const held = await createClaimed(store, "held");
    const changed = await createClaimed(store, "changed");
    await step(store, "changed", "working");
    const deleted = await createClaimed(store, "deleted");
    await store.delete("deleted");
    const final = await createClaimed(store, "final");
    const done = await store.updateStatus(final.job, "done");
    const free = await jobIn(store, "working", "free");
    const jobs = [changed.job, held.job, deleted.job, final.job, done, free, held.job];
    expect(await store.renewLeases(jobs, 2 * MINUTE)).toEqual([false, true, false, false, false, false, true]);
    expect(await store.renewLeases([], MINUTE)).toEqual([]);
    for (const id of ["changed", "final", "free"]) expect((await store.get(id))?.leasedUntil).toBeNull();
    expect(await store.renewLeases(jobs, 0)).toEqual([false, true, false, false, false, false, false]);
  });

  test("many leases are renewed by one call", async ({ store }) => {
    const ids = Array.from({ length: 300 }, (_, n) => `job-${n}`);
    await store.createMany(ids.map((id) => ({ id, data: { title: id } })));
    const jobs = await Promise.all(ids.map(async (id) => (await claimed(store, id)).job));
    expect(await store.renewLeases(jobs, 2 * MINUTE)).toEqual(ids.map(() => true));
    expect(await store.renewLeases(jobs, 0)).toEqual(ids.map(() => true));
    const sent = new Set<string>();
    while (sent.size < ids.length) for (const { jobId } of await take(store, PATIENCE.timeout)) sent.add(jobId);
    expect(await take(store)).toEqual([]);
  });

  test("the stored message is sent again when the lease ends", async ({ store }) => {
    const { job, origin } = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    const entry = await takeOne(store);
    expect(entry).toEqual({
      entryId: expect.any(String),
      jobId: "a",
      at: expect.any(Date),
      ...direct(),
      origin,
    });
    expect(entry.at.getTime()).toBeGreaterThanOrEqual(Number(job.leasedUntil));
    expect(await store.get("a")).toEqual({ ...job, leasedUntil: null });
    expect(await take(store)).toEqual([]);
    expect(await claimed(store, "a", received(entry))).toMatchObject({ expiredLeases: 1 });
  });

  test("a reader that waits already receives it", async ({ store, stores }) => {
    const other = stores.openApart();
    const [entries] = await Promise.all([
      other.outbox.read({ waitMs: MINUTE }),
      createClaimed(store, "a", direct(), { leaseMs: SHORT }),
    ]);
    expect(entries).toMatchObject([{ id: "m-1", jobId: "a" }]);
  });

  test("a message without headers is sent again without headers", async ({ store }) => {
    const { job } = await createClaimed(store, "a", { queue: "reports", id: "m-1", payload: null });
    await store.renewLeases([job], 0);
    expect(await takeOne(store)).toMatchObject({ payload: null, headers: {} });
  });

  test("a lease that ended at its time is given again, does not count then, and sends again when it ends", async ({
    store,
  }) => {
    const { job } = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await takeOne(store);
    expect(await store.renewLeases([job], SHORT)).toEqual([true]);
    expect(await takeOne(store)).toMatchObject(direct());
    expect(await store.renewLeases([job], MINUTE)).toEqual([true]);
    expect(await claim(store, "a", direct("m-2"))).toEqual({ kind: "leased" });
    expect(await store.renewLeases([job], 0)).toEqual([true]);
    expect(await claimed(store, "a")).toMatchObject({ expiredLeases: 0 });
  });

  test("a lease that is given again before the outbox is read sends nothing", async ({ store }) => {
    const { job } = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await leaseOver(store, "a");
    expect(await store.renewLeases([job], MINUTE)).toEqual([true]);
    expect(await take(store)).toEqual([]);
  });

  test("a lease that was ended with 0 is over at once, does not count, and is not given again", async ({ store }) => {
    const { job, origin } = await createClaimed(store, "a");
    expect(await store.renewLeases([job], 0)).toEqual([true]);
    expect((await store.get("a"))?.leasedUntil).toBeNull();
    expect(await store.renewLeases([job], MINUTE)).toEqual([false]);
    expect(await store.renewLeases([job], 0)).toEqual([false]);
    expect(await take(store)).toMatchObject([{ ...direct(), origin }]);
    expect(await take(store)).toEqual([]);
    expect(await store.renewLeases([job], MINUTE)).toEqual([false]);
    expect(await claimed(store, "a")).toMatchObject({ expiredLeases: 0 });
  });

  test("a repeated claim gives a lease again that was ended with 0, and it can be renewed", async ({ store }) => {
    const { job } = await createClaimed(store, "a", direct(), { key: "k-1" });
    await store.renewLeases([job], 0);
    expect(await store.renewLeases([job], MINUTE)).toEqual([false]);
    await claimed(store, "a", direct(), { key: "k-1" });
    expect(await store.renewLeases([job], 2 * MINUTE)).toEqual([true]);
    expect(await take(store)).toEqual([]);
  });

  test("a lease is over at its time, also if no relay reads the outbox", async ({ store }) => {
    await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await leaseOver(store, "a");
    expect(await claimed(store, "a", direct("m-2"))).toMatchObject({ expiredLeases: 1 });
    // The message of this claim takes the place of the first one.
    expect(await take(store)).toEqual([]);
  });

  test("a lease whose time is over cannot be ended with 0, whether or not a call has noticed it", async ({ store }) => {
    const { job } = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    const { job: other } = await createClaimed(store, "b");
    const waiting = await store.updateStatus(other, "working", { leaseMs: 1 });
    for (const id of ["a", "b"]) await leaseOver(store, id);
    expect(await store.renewLeases([job, waiting], 0)).toEqual([false, false]);
    expect(await claim(store, "a", direct("m-2"), { ifVersion: 1 })).toEqual({ kind: "changed" });
    expect(await store.renewLeases([job, waiting], 0)).toEqual([false, false]);
    // It counts as expired, and its message is sent.
    expect(await take(store)).toHaveLength(2);
    expect(await claimed(store, "a", direct("m-2"))).toMatchObject({ expiredLeases: 1 });
  });

  test("leases of workers that end at their time count until another change", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    for (const expiredLeases of [0, 1, 2]) {
      expect(await claimed(store, "a", direct(), { leaseMs: SHORT })).toMatchObject({ expiredLeases });
      await takeOne(store);
    }
    const { job } = await claimed(store, "a");
    await store.updateStatus(job, "working", { leaseMs: 1 });
    await takeOne(store);
    expect(await claimed(store, "a", direct(), { leaseMs: SHORT })).toMatchObject({ expiredLeases: 0 });
    await takeOne(store);
    const stored = await store.get("a");
    await store.save(stored as NonNullable<typeof stored>);
    expect(await claimed(store, "a")).toMatchObject({ expiredLeases: 0 });
  });

  test("a change to another status ends the lease and drops the stored message", async ({ store }) => {
    for (const to of ["checking", "done", "failed"] as const) {
      const { job } = await createClaimed(store, to);
      expect((await step(store, job, to)).leasedUntil).toBeNull();
      expect((await store.get(to))?.leasedUntil).toBeNull();
      expect(await store.renewLeases([job], MINUTE)).toEqual([false]);
    }
    expect(await take(store)).toEqual([]);
    await claimed(store, "checking", direct("m-2"));
    expect(await take(store)).toEqual([]);
  });

  test("a change to the same status does the same", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    const again = await step(store, "a", "working");
    expect(again.leasedUntil).toBeNull();
    expect(await store.renewLeases([job, again], MINUTE)).toEqual([false, false]);
    await claimed(store, "a", direct("m-2"));
    expect(await take(store)).toEqual([]);
  });

  test("a deleted job sends nothing, and neither does one that is created again", async ({ store }) => {
    const { job } = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await createClaimed(store, "b", direct(), { leaseMs: SHORT });
    await store.delete(job);
    const { job: again } = await store.create({ title: "Again" }, { id: "a" });
    expect(again.leasedUntil).toBeNull();
    expect(await takeOne(store)).toMatchObject({ jobId: "b" });
    expect(await take(store)).toEqual([]);
    expect(await claimed(store, "a")).toMatchObject({ failedAttempts: 0, expiredLeases: 0 });
  });
}

/** Leases that no worker owns: retries and postponed jobs. */
export function waits({ test }: Context): void {
  test("a change with `leaseMs` gives a lease that no worker owns, and keeps the message", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    const waiting = await store.updateStatus(job, "working", { leaseMs: 2 * MINUTE, note: "try later" });
    expect(waiting).toMatchObject({ status: "working", version: 3, history: [{}, {}, { note: "try later" }] });
    expectLease(waiting, 2 * MINUTE);
    expect(await store.get("a")).toEqual(waiting);
    expect(await claim(store, "a", direct("m-2"))).toEqual({ kind: "leased" });
    // Only a worker's lease can be renewed.
    expect(await store.renewLeases([job, waiting], MINUTE)).toEqual([false, false]);
    expect(await store.get("a")).toEqual(waiting);
    expect(await store.renewLeases([waiting], 0)).toEqual([true]);
    expect(await takeOne(store)).toMatchObject(direct());
    expect(await store.renewLeases([waiting], MINUTE)).toEqual([false]);
  });

  test("it ends at its time, is not given again, and does not count as expired", async ({ store }) => {
    const { job, origin } = await createClaimed(store, "a");
    const waiting = await store.updateStatus(job, "working", { leaseMs: SHORT });
    const entry = await takeOne(store);
    expect(entry).toMatchObject(direct());
    expect(entry.origin).not.toBe(origin);
    expect(entry.at.getTime()).toBeGreaterThanOrEqual(Number(waiting.leasedUntil));
    expect(await store.renewLeases([waiting], MINUTE)).toEqual([false]);
    expect(await claimed(store, "a", received(entry))).toMatchObject({ expiredLeases: 0 });
  });

  test("a change to another status ends it, and sends nothing", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    await store.updateStatus(job, "working", { leaseMs: 1 });
    await step(store, "a", "failed");
    expect(await step(store, "a", "waiting")).toMatchObject({ attempt: 2, leasedUntil: null });
    await createClaimed(store, "b", direct(), { leaseMs: SHORT });
    expect(await takeOne(store)).toMatchObject({ jobId: "b" });
    expect(await take(store)).toEqual([]);
  });

  test("messages of a change with `leaseMs` are stored", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    await store.updateStatus(job, "working", { leaseMs: MINUTE, outbox: [{ queue: "others", payload: 1 }] });
    expect(await take(store)).toMatchObject([{ id: "a.3.0", queue: "others" }]);
  });

  test("`leaseMs` is INVALID_ARGUMENT for a job without a stored message, and in another status", async ({ store }) => {
    const outbox = [{ queue: "reports", payload: 1 }];
    await jobIn(store, "working", "a");
    await createClaimed(store, "left");
    await step(store, "left", "working");
    await jobIn(store, "waiting", "b");
    await createClaimed(store, "moved");
    await step(store, "moved", "checking");
    const before = await view(store);
    for (const id of ["a", "left", "b", "moved"]) {
      await expectRefusal(step(store, id, "working", { leaseMs: MINUTE, outbox }), "INVALID_ARGUMENT", { jobId: id });
    }
    await expectRefusal(step(store, "a", "working", { leaseMs: MINUTE, ifVersion: 99 }), "CONFLICT");
    await expectRefusal(step(store, "none", "working", { leaseMs: MINUTE }), "NOT_FOUND");
    expect(await view(store)).toEqual(before);
  });

  test("failed attempts count since the job entered the status from another one", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    for (const failedAttempts of [0, 1, 2]) {
      const { job, ...answer } = await claimed(store, "a");
      expect(answer).toMatchObject({ failedAttempts });
      await store.updateStatus(job, "working", { leaseMs: 1, failedAttempt: true });
      await takeOne(store);
    }
    // A job that is postponed, and a lost worker, do not count.
    const { job } = await claimed(store, "a");
    await store.updateStatus(job, "working", { leaseMs: 1 });
    await takeOne(store);
    await claimed(store, "a", direct(), { leaseMs: SHORT });
    await takeOne(store);
    expect(await claimed(store, "a")).toMatchObject({ failedAttempts: 3 });
    await step(store, "a", "working", { failedAttempt: true });
    expect(await claimed(store, "a")).toMatchObject({ failedAttempts: 4 });
    await step(store, "a", "checking", { failedAttempt: true });
    expect(await claimed(store, "a")).toMatchObject({ failedAttempts: 0 });
    await step(store, "a", "working", { failedAttempt: true });
    await step(store, "a", "failed");
    await step(store, "a", "waiting");
    expect(await claimed(store, "a")).toMatchObject({ failedAttempts: 0 });
  });
}

export function savedLeases({ test }: Context): void {
  test("save ends a worker's lease, and its message is sent with the saved version", async ({ store }) => {
    for (const status of ["working", "checking"] as const) {
      const [message] = await createRequested(store, status, "reports");
      const { job, origin } = await claimed(store, status, message);
      const saved = await store.save({ ...job, status });
      expect(saved).toMatchObject({ status, version: 3, leasedUntil: null });
      expect((await store.get(status))?.leasedUntil).toBeNull();
      expect(await store.renewLeases([job, saved], MINUTE)).toEqual([false, false]);
      await expectRefusal(store.updateStatus(job, "done"), "CONFLICT", { currentVersion: 3 });
      const entry = await takeOne(store);
      expect(entry).toMatchObject({ queue: "reports", id: message?.id });
      expect(entry.origin).not.toBe(origin);
      expect(await claimed(store, status, received(entry))).toMatchObject({ job: { version: 4 }, expiredLeases: 0 });
      await store.delete(status);
    }
  });

  test("save keeps a lease that no worker owns, and ignores `leasedUntil`", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    const waiting = await store.updateStatus(job, "working", { leaseMs: MINUTE });
    const saved = await store.save({ ...waiting, leasedUntil: new Date(0) });
    expect(saved).toEqual({ ...waiting, version: 4 });
    expect(await store.get("a")).toEqual(saved);
    expect(await take(store)).toEqual([]);
    expect(await store.renewLeases([saved], 0)).toEqual([true]);
    expect(await takeOne(store)).toMatchObject(direct());
  });

  test("a postponed job that is saved into another status continues when its lease ends", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    const waiting = await store.updateStatus(job, "working", { leaseMs: SHORT });
    await store.save({ ...waiting, status: "checking" });
    const entry = await takeOne(store);
    expect(entry).toMatchObject(direct());
    await claimed(store, "a", received(entry));
  });

  test("a save into a status without leases sends the messages, and later changes end no lease", async ({ store }) => {
    for (const isPostponed of [false, true]) {
      const id = `postponed-${isPostponed}`;
      const { job } = await createClaimed(store, id);
      expect(await claim(store, id, direct("m-2", "others"))).toEqual({ kind: "leased" });
      const last = isPostponed ? await store.updateStatus(job, "working", { leaseMs: MINUTE }) : job;
      const saved = await store.save({ ...last, status: "checking" });
      expect(saved.leasedUntil).toBeNull();
      expect((await take(store)).map((entry) => entry.id).toSorted()).toEqual(["m-1", "m-2"]);
      await store.updateStatus(id, "working");
      expect(await store.renewLeases([saved], 0)).toEqual([false]);
      expect(await take(store)).toEqual([]);
      await claimed(store, id, direct("m-3"));
    }
  });

  test("save into a final status drops lease and message", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    const { job: other } = await createClaimed(store, "b");
    const waiting = await store.updateStatus(other, "working", { leaseMs: MINUTE });
    expect(await store.save({ ...job, status: "done" })).toMatchObject({ leasedUntil: null });
    expect(await store.save({ ...waiting, status: "failed" })).toMatchObject({ leasedUntil: null });
    expect(await take(store)).toEqual([]);
  });

  test("a job that is not stored is saved without a lease", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    await store.delete("a");
    expect((await store.save(job)).leasedUntil).toBeNull();
    expect(await store.renewLeases([job], MINUTE)).toEqual([false]);
    expect(await take(store)).toEqual([]);
  });
}

export function leaseReading({ test }: Context): void {
  test("the driver distinguishes the lease of a worker from a wait, with the version of the job", async ({
    stores,
    underTest,
  }) => {
    const storages: JobStorage[] = [];
    const { driver } = underTest;
    const open: JobStoreDriver["open"] = (config) => {
      const storage = driver.open(config);
      storages.push(storage);
      return storage;
    };
    const store = stores.openFor(report, {}, { ...driver, open });
    const leaseOf = async (id: string) => (await (storages[0] as JobStorage).examine(id)).lease;
    expect(await leaseOf("a")).toBeNull();
    const { job } = await createClaimed(store, "a");
    const createdAt = job.createdAt.getTime();
    expect(await leaseOf("a")).toEqual({ createdAt, version: 2, until: Number(job.leasedUntil), owned: true });
    const waiting = await store.updateStatus(job, "working", { leaseMs: MINUTE });
    expect(await leaseOf("a")).toEqual({ createdAt, version: 3, until: Number(waiting.leasedUntil), owned: false });
    await store.renewLeases([waiting], 0);
    expect(await leaseOf("a")).toBeNull();
    await claimed(store, "a", direct("m-2"));
    expect(await leaseOf("a")).toMatchObject({ version: 4, owned: true });
    await step(store, "a", "done");
    expect(await leaseOf("a")).toBeNull();
    await createClaimed(store, "b", direct(), { leaseMs: SHORT });
    await leaseOver(store, "b");
    expect(await leaseOf("b")).toBeNull();
  });
}
