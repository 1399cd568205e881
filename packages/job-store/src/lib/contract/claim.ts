import { expect } from "vitest";
import type { Context } from "./context.js";
import { jobIn, step, strictReport } from "./definitions.js";
import { collect, expectRefusal, laterThan, view } from "./expectations.js";
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

export function claims({ test }: Context): void {
  for (const status of ["waiting", "checking", "working"] as const) {
    test(`a job in ${status} is claimed`, async ({ store, stores }) => {
      const before = await jobIn(store, status, "a");
      await laterThan(store, before.statusAt);
      const { job, ...answer } = await claimed(store, "a", direct(), { key: "k-1", by: "worker-1", note: "took it" });
      expect(answer).toEqual({ kind: "claimed", failedAttempts: 0, expiredLeases: 0, origin: expect.any(String) });
      expect(job).toEqual({
        ...before,
        status: "working",
        version: before.version + 1,
        updatedAt: job.statusAt,
        statusAt: expect.any(Date),
        leasedUntil: expect.any(Date),
        history: [
          ...before.history,
          {
            from: status,
            to: "working",
            at: job.statusAt,
            version: job.version,
            by: "worker-1",
            note: "took it",
            key: "k-1",
          },
        ],
      });
      expect(job.statusAt.getTime()).toBeGreaterThan(before.statusAt.getTime());
      expectLease(job, MINUTE);
      for (const one of [store, stores.openApart()]) {
        expect(await one.get("a")).toEqual(job);
        expect((await one.list({ status: "working" })).items).toEqual([job]);
        expect((await one.list()).items).toEqual([job]);
        expect(await one.counts()).toMatchObject({ working: 1, waiting: 0, checking: 0 });
      }
    });
  }

  test("a claim keeps progress, result and error", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    const values = { progress: { done: 3 }, result: { url: "x" }, error: { message: "a page is missing" } };
    await store.updateStatus("a", "working", values);
    expect((await claimed(store, "a")).job).toMatchObject(values);
  });

  test("a job that has no lease has no `leasedUntil`", async ({ store }) => {
    for (const status of ["waiting", "working", "checking", "done"] as const) {
      expect((await jobIn(store, status, status)).leasedUntil).toBeNull();
      expect((await store.get(status))?.leasedUntil).toBeNull();
    }
  });

  test("of concurrent claims, one gets the job", async ({ store, stores }) => {
    const other = stores.openApart();
    await store.create({ title: "One" }, { id: "a" });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => claim(n % 2 === 0 ? store : other, "a", direct(`m-${n}`))),
    );
    expect(answers.map(({ kind }) => kind).sort()).toEqual(["claimed", ...Array(19).fill("leased")]);
    expect((await store.get("a"))?.version).toBe(2);
  });

  test("a previous owner can store nothing", async ({ store }) => {
    const first = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await leaseOver(store, "a");
    const second = await claimed(store, "a", direct("m-2"));
    await expectRefusal(store.updateStatus(first.job, "done"), "CONFLICT", { currentVersion: 3 });
    await expectRefusal(store.updateProgress(first.job, { done: 1 }), "CONFLICT", { currentVersion: 3 });
    expect(await store.renewLeases([first.job], MINUTE)).toEqual([false]);
    expect(await store.get("a")).toEqual(second.job);
  });

  test("a worker whose lease ended can store its outcome if no worker claimed the job", async ({ store }) => {
    const { job } = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await leaseOver(store, "a");
    expect(await store.updateStatus(job, "done", { handled: true })).toMatchObject({ status: "done", version: 3 });
    expect(await take(store)).toEqual([]);
  });

  test("a claim of an unreadable record is UNREADABLE_RECORD", async ({ store, underTest, skip }) => {
    if (underTest.corrupt === undefined) return skip("the storage cannot have an unreadable record");
    const [message] = await createRequested(store, "a", "reports");
    await underTest.corrupt("a");
    await expectRefusal(claim(store, "a", message), "UNREADABLE_RECORD", { jobId: "a" });
  });

  test("a claim of a record that does not match the schema leaves no lease and no message", async ({
    store,
    stores,
  }) => {
    await store.create({ title: "Much too long" }, { id: "a" });
    const strict = stores.openFor(strictReport);
    const options = { from: ["waiting"], leaseMs: MINUTE, key: "k", message: direct() } as const;
    const refusal = strict.claim("a", "working", options);
    await expectRefusal(refusal, "UNREADABLE_RECORD", { jobId: "a", committed: true });
    expect(await store.get("a")).toMatchObject({ status: "working", leasedUntil: null });
    await expectRefusal(store.updateStatus("a", "working", { leaseMs: MINUTE }), "INVALID_ARGUMENT");
    // With the right schema, the message can claim the job.
    expect(await claim(store, "a", direct())).toMatchObject({ kind: "claimed" });
  });
}

export function claimAnswers({ test }: Context): void {
  test("an unknown, deleted or expired job is missing", async ({ store }) => {
    expect(await claim(store, "a")).toEqual({ kind: "missing" });
    await jobIn(store, "waiting", "a");
    await store.delete("a");
    expect(await claim(store, "a")).toEqual({ kind: "missing" });
    expect(await store.get("a")).toBeNull();
  });

  test("a message of an earlier run is outdated, in every status", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    for (const status of ["waiting", "working", "checking"] as const) {
      await step(store, "a", "failed");
      await step(store, "a", "waiting");
      if (status !== "waiting") await step(store, "a", "working");
      if (status === "checking") await step(store, "a", "checking");
      const before = await view(store);
      expect(await claim(store, "a", message)).toEqual({ kind: "outdated" });
      // It is outdated before anything else applies.
      expect(await claim(store, "a", message, { from: [], ifVersion: 99 })).toEqual({ kind: "outdated" });
      expect(await view(store)).toEqual(before);
    }
    await claimed(store, "a");
    expect(await claim(store, "a", message)).toEqual({ kind: "outdated" });
    // The store does not keep it for later.
    await step(store, "a", "checking");
    expect(await take(store)).toEqual([]);
  });

  test("handled comes before moved, and moved before changed", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job } = await claimed(store, "a", message);
    await store.updateStatus(job, "checking", { handled: true });
    const before = await view(store);
    expect(await claim(store, "a", message, { from: [], ifVersion: 99 })).toEqual({ kind: "handled" });
    expect(await claim(store, "a", direct("m-2"), { from: [], ifVersion: 99 })).toEqual({ kind: "moved" });
    expect(await claim(store, "a", direct("m-2"), { from: ["waiting"] })).toEqual({ kind: "moved" });
    expect(await view(store)).toEqual(before);
  });

  test("a job in a final status has moved", async ({ store }) => {
    for (const status of ["done", "failed", "abandoned"] as const) {
      const job = await jobIn(store, status, status);
      expect(await claim(store, status, direct(), { ifVersion: 99 })).toEqual({ kind: "moved" });
      expect(await store.get(status)).toEqual(job);
    }
  });

  test("leased comes before changed", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    expect(await claim(store, "a", direct("m-2"), { ifVersion: 99 })).toEqual({ kind: "leased" });
    expect(await store.get("a")).toEqual(job);
  });

  test("a claim with `ifVersion` needs this version", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const before = await view(store);
    for (const ifVersion of [2, 99]) {
      expect(await claim(store, "a", direct(), { ifVersion })).toEqual({ kind: "changed" });
    }
    expect(await view(store)).toEqual(before);
    await claimed(store, "a", direct(), { ifVersion: 1 });
  });
}

export function claimRepeats({ test }: Context): void {
  test("a repeated call returns the same answer and renews the lease", async ({ store, stores }) => {
    await store.create({ title: "One" }, { id: "a" });
    const first = await claimed(store, "a", direct(), { key: "k" });
    const again = await claimed(stores.openApart(), "a", direct(), { key: "k", leaseMs: 2 * MINUTE });
    expect(again).toEqual({ ...first, job: { ...first.job, leasedUntil: again.job.leasedUntil } });
    expectLease(again.job, 2 * MINUTE);
    expect(await store.get("a")).toEqual(again.job);
  });

  test("a repeated call repeats the numbers of its answer", async ({ store }) => {
    const lost = await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await store.updateStatus(lost.job, "working", { leaseMs: 1, failedAttempt: true });
    await leaseOver(store, "a");
    await claimed(store, "a", direct(), { leaseMs: SHORT });
    await leaseOver(store, "a");
    const first = await claimed(store, "a", direct(), { key: "k", leaseMs: SHORT });
    expect(first).toMatchObject({ failedAttempts: 1, expiredLeases: 1 });
    await leaseOver(store, "a");
    // The lease that the repeated call gives again does not count.
    expect(await claim(store, "a", direct(), { key: "k" })).toMatchObject({ failedAttempts: 1, expiredLeases: 1 });
    expect(await take(store)).toEqual([]);
    const [held] = await store.getMany(["a"]);
    await store.renewLeases([held as NonNullable<typeof held>], 0);
    expect(await claimed(store, "a")).toMatchObject({ expiredLeases: 1 });
  });

  test("a repeated call is decided again after any other change", async ({ store }) => {
    const { job } = await createClaimed(store, "a", direct(), { key: "k" });
    await step(store, "a", "failed");
    expect(await claim(store, "a", direct(), { key: "k" })).toEqual({ kind: "moved" });
    await createClaimed(store, "b", direct(), { key: "k", leaseMs: SHORT });
    await leaseOver(store, "b");
    await claimed(store, "b", direct("m-2"));
    expect(await claim(store, "b", direct(), { key: "k" })).toEqual({ kind: "leased" });
    expect(job.version).toBe(2);
  });
}

export function origins({ test }: Context): void {
  test("each message has an origin, which differs between changes and jobs", async ({ store }) => {
    const outbox = [{ queue: "reports", payload: 1 }];
    for (const id of ["a", "b"]) await store.create({ title: "One" }, { id, outbox });
    await store.updateStatus("a", "working", { outbox });
    await store.updateStatus("a", "working", { outbox: [...outbox, { queue: "others", payload: 1, id: "b.1.0" }] });
    const origins = (await take(store)).map(({ origin }) => origin);
    expect(new Set(origins).size).toBe(5);
    for (const origin of origins) expect(origin).toEqual(expect.any(String));
  });

  test("the origin stays the same when an entry is read again, rejected and requeued", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    const [entry] = await store.outbox.read({ claimMs: 1 });
    const [again] = await store.outbox.read({ waitMs: MINUTE });
    const ids = [entry?.entryId as string];
    await store.outbox.reject(ids, "no");
    const [rejected] = await store.outbox.rejected();
    await store.outbox.requeue(ids);
    const [requeued] = await store.outbox.read();
    for (const one of [again, rejected, requeued]) expect(one?.origin).toBe(entry?.origin);
  });

  test("the origin of a claim is that of a message which is stored at its version", async ({ store }) => {
    const [message] = await createRequested(store, "a", "reports");
    const { job, origin } = await claimed(store, "a", message);
    await store.renewLeases([job], 0);
    expect((await takeOne(store)).origin).toBe(origin);
    await step(store, job, "checking");
    expect(await claim(store, "a", { ...direct(), origin })).toMatchObject({ kind: "claimed" });
  });

  test("the rules follow the origin, not the message id", async ({ store }) => {
    const outbox = [{ queue: "reports", payload: 1, id: "b.1.0" }];
    await store.create({ title: "One" }, { id: "a", outbox });
    const [entry] = await take(store);
    const message = received(entry as NonNullable<typeof entry>);
    const { job } = await claimed(store, "a", message);
    await store.updateStatus(job, "checking", { handled: true });
    expect(await claim(store, "a", { ...message, id: "another" })).toEqual({ kind: "handled" });
    await claimed(store, "a", direct("a.1.0"));
  });

  test("an origin of another job, or text that is no origin, counts as none", async ({ store }) => {
    const [ofOther] = await createRequested(store, "b", "reports");
    const { origin = "" } = ofOther ?? {};
    const foreign = ["", "garbage", "[]", "null", `${origin}x`, origin, origin.replace("report", "other")];
    for (const [n, text] of foreign.entries()) {
      const { job } = await createClaimed(store, `job-${n}`, { ...direct(), origin: text });
      await store.updateStatus(job, "checking", { handled: true });
      expect(await claim(store, job.id, { ...direct(), origin: text })).toEqual({ kind: "handled" });
      await claimed(store, job.id, { ...direct("m-2"), origin: text });
    }
  });

  test("a job that is created again, even in the same millisecond, is another job", async ({ store }) => {
    for (let n = 0; n < 10; n++) {
      const outbox = [{ queue: "reports", payload: n }];
      const { job: first } = await store.create({ title: "First" }, { id: "a", outbox });
      const { job: held } = await claimed(store, "a");
      await store.delete("a");
      const { job: second } = await store.create({ title: "Second" }, { id: "a", outbox });
      expect(second.createdAt.getTime()).toBeGreaterThan(first.createdAt.getTime());
      expect(second.leasedUntil).toBeNull();
      const [old, current] = await take(store);
      expect(old?.origin).not.toBe(current?.origin);
      expect(await claim(store, "a", received(old as NonNullable<typeof old>))).toEqual({ kind: "outdated" });
      await expectRefusal(step(store, first, "working"), "CONFLICT", { jobId: "a" });
      const { job } = await claimed(store, "a", received(current as NonNullable<typeof current>));
      expect(await store.renewLeases([held], MINUTE)).toEqual([false]);
      await expectRefusal(store.updateStatus(held, "done"), "CONFLICT", { jobId: "a" });
      expect(await store.get("a")).toEqual(job);
      await store.delete("a");
      expect(await take(store)).toEqual([]);
    }
  });

  test("a snapshot with another status is CONFLICT", async ({ store }) => {
    const { job } = await createClaimed(store, "a");
    const other = { ...job, status: "checking" } as const;
    const message = expect.stringContaining("is not the one that was read");
    await expectRefusal(step(store, other, "done"), "CONFLICT", { jobId: "a", message });
    await expectRefusal(store.updateProgress(other, { done: 1 }), "CONFLICT", { jobId: "a", message });
    await expectRefusal(store.delete(other), "CONFLICT", { jobId: "a", message });
    expect(await store.renewLeases([other], 0)).toEqual([false]);
    expect(await store.get("a")).toEqual(job);
  });
}

export function changeKeys({ test }: Context): void {
  for (const historyLimit of [0, 1, 4, undefined]) {
    test(`historyLimit ${historyLimit}: the keys of the last four changes are kept`, async ({ stores }) => {
      const store = stores.open({ historyLimit });
      await store.create({ title: "One" }, { id: "a" });
      const outbox = [{ queue: "reports", payload: 1 }];
      const first = await store.updateStatus("a", "working", { key: "k-1", outbox });
      await store.updateStatus(first, "working");
      await claimed(store, "a", direct(), { key: "k-3" });
      const last = await store.updateStatus("a", "checking", { key: "k-4" });
      await take(store);
      const before = await view(store);
      for (const key of ["k-1", "k-3", "k-4"]) {
        // It is no conflict either, because the reply to the same call was lost.
        expect(await store.updateStatus(first, "working", { key, outbox })).toEqual(last);
        expect(await step(store, "a", "done", { key, outbox, ifVersion: 1 })).toEqual(last);
      }
      expect(await view(store)).toEqual(before);
      expect(await store.updateStatus("a", "working", { key: "k-5" })).toMatchObject({ version: 6 });
      expect(await store.updateStatus("a", "checking", { key: "k-1" })).toMatchObject({ version: 7 });
    });

    test(`historyLimit ${historyLimit}: a save counts as a change without a key`, async ({ stores }) => {
      const store = stores.open({ historyLimit });
      await store.create({ title: "One" }, { id: "a" });
      let job = await store.updateStatus("a", "working", { key: "k-1" });
      for (let n = 0; n < 3; n++) job = (await store.save(job)) as typeof job;
      expect(await store.updateStatus("a", "working", { key: "k-1" })).toEqual(job);
      await store.save(job);
      expect(await store.updateStatus("a", "working", { key: "k-1" })).toMatchObject({ version: 7 });
    });
  }

  test("keys of one job do not count for another, and not for one that is created again", async ({ store }) => {
    for (const id of ["a", "b"]) await jobIn(store, "waiting", id);
    await store.updateStatus("a", "working", { key: "k" });
    expect(await store.updateStatus("b", "working", { key: "k" })).toMatchObject({ status: "working", version: 2 });
    await store.delete("a");
    await jobIn(store, "waiting", "a");
    expect(await store.updateStatus("a", "working", { key: "k" })).toMatchObject({ status: "working", version: 2 });
  });

  test("the keys are kept when a job leaves a final status", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    await store.updateStatus("a", "failed", { key: "k" });
    const retried = await store.updateStatus("a", "waiting");
    expect(await store.updateStatus("a", "failed", { key: "k" })).toEqual(retried);
  });

  test("a repeated change returns the lease that the job has got since", async ({ store }) => {
    const [working, checking] = [await jobIn(store, "working", "a"), await jobIn(store, "checking", "b")];
    for (const job of [working, checking]) {
      await step(store, job, "working", { key: "k" });
      const { leasedUntil } = (await claimed(store, job.id)).job;
      expect(leasedUntil).not.toBeNull();
      expect(await step(store, job, "working", { key: "k" })).toMatchObject({ leasedUntil });
    }
  });

  test("concurrent calls with one key make one change", async ({ store, stores }) => {
    await jobIn(store, "working", "a");
    const other = stores.openApart();
    const outbox = [{ queue: "reports", payload: 1 }];
    await Promise.all(
      [store, other, store, other].map((one) => one.updateStatus("a", "working", { key: "k", outbox })),
    );
    expect((await store.get("a"))?.version).toBe(3);
    expect(await collect(store.scan())).toHaveLength(1);
    expect(await store.outbox.depth()).toBe(1);
  });
}
