import { expect, vi } from "vitest";
import type { JobStore, OutboxEntry } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";
import { manyIds, PATIENCE } from "./expectations.js";
import { claim, claimed, direct, received } from "./requests.js";

/** Time longer than the tests last, in milliseconds. */
const LONG = 3_600_000;
const PAST = new Date(0);

const later = (payload: unknown, delayMs = LONG) => ({ queue: "reports", payload, delayMs });
const after = ({ createdAt }: { readonly createdAt: Date }, ms: number) => new Date(createdAt.getTime() + ms);
const scheduledIn = async (store: JobStore<Report>) => (await store.outbox.list({ kind: "scheduled" })).entries;
const idsOf = (entries: readonly OutboxEntry[]) => entries.map(({ entryId }) => entryId);

/** Returns the time at which a message became due, from its origin. */
const dueIn = ({ origin }: OutboxEntry) => JSON.parse(origin ?? "[]")[6] as number;

/** Creates a job with a message for each payload, and returns the messages. */
async function schedule(store: JobStore<Report>, ...given: readonly unknown[]) {
  const { job } = await store.create({ title: "One" }, { id: "a", outbox: given.map((payload) => later(payload)) });
  return { job, entries: await scheduledIn(store) };
}

export function rescheduling({ test }: Context): void {
  test("a message is due at its new time, and its origin has this time", async ({ store, stores }) => {
    const { job, entries } = await schedule(store, "first", "second");
    const at = after(job, 2 * LONG);
    expect(await stores.openApart().outbox.reschedule(idsOf(entries).slice(0, 1), { at })).toEqual([true]);
    const [second, first] = await scheduledIn(store);
    expect(second).toEqual(entries[1]);
    expect(first).toEqual({ ...entries[0], at, dueAt: at, origin: expect.any(String) });
    expect(dueIn(first as OutboxEntry)).toBe(at.getTime());
    expect(await store.get("a")).toEqual(job);
    const soon = after(job, 300);
    expect(await store.outbox.reschedule(idsOf(entries), { at: soon })).toEqual([true, true]);
    const [entry] = await store.outbox.read({ waitMs: LONG });
    expect(entry).toMatchObject({ jobId: "a", headers: {} });
    // A slow machine can be later than this time.
    expect(Number(entry?.at)).toBeGreaterThanOrEqual(soon.getTime());
    expect(dueIn(entry as OutboxEntry)).toBe(Number(entry?.at));
    expect(await scheduledIn(store)).toEqual([]);
  });

  test("a time in the past makes it due now, and wakes a reader", async ({ store, stores }) => {
    const { entries } = await schedule(store, "first", "second");
    const read = store.outbox.read({ waitMs: LONG });
    await store.counts();
    expect(await stores.openApart().outbox.reschedule([entries[1]?.entryId as string], { at: PAST })).toEqual([true]);
    const [entry, ...others] = await read;
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ payload: "second", id: "a.1.1", jobId: "a" });
    expect(dueIn(entry as OutboxEntry)).toBe(entry?.at.getTime());
    expect([await store.outbox.depth(), await store.outbox.scheduled()]).toEqual([1, 1]);
  });

  test("a message that was moved to a later time is not returned at its old time", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [later("moved", 400), later("kept", 500)] });
    const [moved] = await scheduledIn(store);
    const at = new Date(Number(moved?.dueAt) + LONG);
    const [isMoved] = await store.outbox.reschedule([moved?.entryId as string], { at });
    // A slow machine can be too late. The next test expects the result in any case.
    if (isMoved !== true) return;
    expect((await store.outbox.read({ waitMs: LONG })).map(({ payload }) => payload)).toEqual(["kept"]);
    expect(await scheduledIn(store)).toMatchObject([{ payload: "moved", dueAt: at }]);
  });

  test("messages that are not scheduled are left unchanged, and each entry has a result of its own", async ({
    store,
  }) => {
    const outbox = [{ queue: "reports", payload: "waiting" }, later("due", 1), later("scheduled"), later("other")];
    await store.create({ title: "One" }, { id: "a", outbox });
    await vi.waitFor(async () => expect(await store.outbox.depth()).toBe(2), PATIENCE);
    const [due] = (await store.outbox.list({ kind: "waiting" })).entries.slice(-1);
    const [first, second] = await scheduledIn(store);
    const [waiting] = await store.outbox.read({ limit: 1, claimMs: LONG });
    const ids = [due, second, waiting, first, second].map((entry) => entry?.entryId as string);
    const before = (await store.outbox.list({ kind: "waiting" })).entries.map(({ at, payload }) => [at, payload]);
    const given = ["1-1", ...ids, "0-999999", "7-0-1"];
    const at = new Date(Number(second?.dueAt) + LONG);
    expect(await store.outbox.reschedule(given, { at })).toEqual([false, false, true, false, true, true, false, false]);
    expect(await store.outbox.cancel(given)).toEqual([false, false, true, false, true, false, false, false]);
    expect((await store.outbox.list({ kind: "waiting" })).entries.map((entry) => [entry.at, entry.payload])).toEqual(
      before,
    );
    expect(await scheduledIn(store)).toEqual([]);
  });

  test("a message that was due when it was rescheduled stays due", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [later("due", 1)] });
    const [known] = [...(await scheduledIn(store)), ...(await store.outbox.list({ kind: "waiting" })).entries];
    await vi.waitFor(async () => expect(await store.outbox.depth()).toBe(1), PATIENCE);
    const ids = [known?.entryId as string];
    expect(await store.outbox.reschedule(ids, { at: new Date(Date.now() + LONG) })).toEqual([false]);
    expect(await store.outbox.cancel(ids)).toEqual([false]);
    expect(await store.outbox.read()).toMatchObject([{ payload: "due" }]);
  });

  test("hundreds of messages are rescheduled and cancelled in one call", async ({ store }) => {
    const payloads = manyIds(700);
    await store.create({ title: "One" }, { outbox: payloads.map((payload) => later(payload)) });
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.outbox.list({ kind: "scheduled", limit: 1000, cursor });
      ids.push(...idsOf(page.entries));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(await store.outbox.reschedule(ids.slice(0, 600), { at: PAST })).toEqual(Array(600).fill(true));
    const expected = [...Array(600).fill(false), ...Array(100).fill(true)];
    expect(await store.outbox.cancel(ids)).toEqual(expected);
    const read = await store.outbox.read({ limit: 1000 });
    expect(read.map(({ payload }) => payload)).toEqual(payloads.slice(0, 600));
    expect(await store.outbox.scheduled()).toBe(0);
  });
}

export function cancelling({ test }: Context): void {
  test("a cancelled message is deleted, and its job stays unchanged", async ({ store, stores }) => {
    const { job, entries } = await schedule(store, "first", "second");
    const ids = idsOf(entries).slice(0, 1);
    expect(await stores.openApart().outbox.cancel(ids)).toEqual([true]);
    expect(await store.outbox.cancel(ids)).toEqual([false]);
    expect(await scheduledIn(store)).toEqual(entries.slice(1));
    expect(await store.get("a")).toEqual(job);
    expect((await store.outbox.ofJob("a")).entries).toEqual(entries.slice(1));
  });

  test("in a race with readers, exactly the messages that were not cancelled or moved are returned", async ({
    store,
    stores,
  }) => {
    const readers = [store, stores.openApart()];
    const jobs = manyIds(40);
    await store.createMany(
      jobs.map((id, n) => ({
        data: { title: id },
        id,
        outbox: [later("cancelled", 20 + 5 * n), later("moved", 20 + 5 * n)],
      })),
    );
    const entries = (await store.outbox.list({ kind: "scheduled", limit: 1000 })).entries;
    const seen: OutboxEntry[] = [];
    let ended = false;
    const reading = readers.map(async ({ outbox }) => {
      while (!ended) seen.push(...(await outbox.read({ limit: 3, waitMs: 20, claimMs: LONG })));
    });
    const at = new Date(Date.now() + LONG);
    const changes = await Promise.all(
      entries.map(async ({ entryId, payload, jobId }, n) => {
        const { outbox } = readers[n % 2] as JobStore<Report>;
        // Each change is made about when the message becomes due.
        await vi.waitFor(
          async () =>
            expect((await outbox.list({ kind: "waiting" })).entries.length + seen.length).toBeGreaterThan(n / 4),
          PATIENCE,
        );
        const [changed] =
          payload === "moved" ? await outbox.reschedule([entryId], { at }) : await outbox.cancel([entryId]);
        return { message: `${jobId} ${payload}`, changed };
      }),
    );
    // Messages that were due before the list are in neither list of results.
    const expected = 2 * jobs.length - changes.filter(({ changed }) => changed === true).length;
    await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(expected), PATIENCE);
    ended = true;
    await Promise.all(reading);
    const read = new Set(seen.map(({ jobId, payload }) => `${jobId} ${payload}`));
    expect(read.size).toBe(seen.length);
    for (const { message, changed } of changes) expect([message, read.has(message)]).toEqual([message, !changed]);
    const moved = changes.filter(({ message, changed }) => changed === true && message.endsWith("moved"));
    expect((await scheduledIn(store)).length).toBe(moved.length);
    expect(await store.outbox.depth()).toBe(expected);
  });
}

/** Creates a job that has a delayed message, stored with version 2, and returns the message. */
async function begin(store: JobStore<Report>): Promise<OutboxEntry> {
  await store.create({ title: "One" }, { id: "a" });
  await store.updateStatus("a", "working", { outbox: [later("delayed")] });
  const [entry] = await scheduledIn(store);
  return entry as OutboxEntry;
}

/** Sends a scheduled message now, and returns it as a worker receives it. */
async function sendNow(store: JobStore<Report>, { entryId }: OutboxEntry) {
  expect(await store.outbox.reschedule([entryId], { at: PAST })).toEqual([true]);
  const [entry] = await store.outbox.read({ waitMs: LONG, claimMs: LONG });
  return received(entry as OutboxEntry);
}

export function rescheduledRequests({ test }: Context): void {
  test("a message that was sent early, before a claim, is handled by its outcome", async ({ store }) => {
    const early = await sendNow(store, await begin(store));
    // The message is due one millisecond after the call.
    await vi.waitFor(async () => {
      const { job } = await store.create({ title: "A clock" });
      expect(job.createdAt.getTime()).toBeGreaterThan(JSON.parse(early.origin ?? "[]")[6]);
    }, PATIENCE);
    const { job } = await claimed(store, "a", direct());
    expect(await claim(store, "a", early)).toEqual({ kind: "leased" });
    await store.updateStatus(job, "checking", { handled: true });
    expect(await claim(store, "a", early)).toEqual({ kind: "handled" });
  });

  test("a message that was sent early, after a claim, is not handled by its outcome", async ({ store }) => {
    const entry = await begin(store);
    const { job } = await claimed(store, "a", direct());
    const early = await sendNow(store, entry);
    await store.updateStatus(job, "checking", { handled: true });
    await claimed(store, "a", early);
  });

  test("a message that was moved past a claim is not handled by its outcome", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a" });
    const { job } = await store.create({ title: "A clock" });
    await store.updateStatus("a", "working", { outbox: [later("delayed", 300)] });
    const [entry] = await scheduledIn(store);
    const moved = await store.outbox.reschedule(entry === undefined ? [] : [entry.entryId], { at: after(job, 1500) });
    // A slow machine can be too late.
    if (moved[0] !== true) return;
    await vi.waitFor(async () => {
      const clock = await store.create({ title: "A clock" });
      expect(clock.job.createdAt.getTime()).toBeGreaterThan(Number(entry?.dueAt));
    }, PATIENCE);
    const run = await claimed(store, "a", direct());
    if (Number(run.job.statusAt) >= after(job, 1500).getTime()) return;
    await store.updateStatus(run.job, "checking", { handled: true });
    const [late] = await store.outbox.read({ waitMs: LONG, claimMs: LONG });
    await claimed(store, "a", received(late as OutboxEntry));
  });

  /** Stores two delayed messages, the second one with a later change. Returns the failing first one and the second one. */
  async function twoMessages(store: JobStore<Report>) {
    const first = await begin(store);
    await store.updateStatus("a", "working", { outbox: [later("newer", 2 * LONG)] });
    const [, newer] = await scheduledIn(store);
    const { queue, id, origin } = first;
    const fail = () =>
      store.failRequest("a", "failed", {
        from: ["checking"],
        working: "working",
        message: { queue, id, origin },
        error: { message: "unreadable" },
      });
    return { newer: newer as OutboxEntry, fail };
  }

  test("an unreadable message does not fail a job that has a newer scheduled one", async ({ store }) => {
    const { fail } = await twoMessages(store);
    expect(await fail()).toEqual({ kind: "handled" });
  });

  test("an unreadable message fails a job whose newer message was cancelled", async ({ store }) => {
    const { newer, fail } = await twoMessages(store);
    expect(await store.outbox.cancel([newer.entryId])).toEqual([true]);
    expect(await fail()).toMatchObject({ kind: "failed", job: { status: "failed" } });
  });

  test("an unreadable message fails a job whose newer message was sent before it and worked on", async ({ store }) => {
    const { newer, fail } = await twoMessages(store);
    const { job } = await claimed(store, "a", await sendNow(store, newer));
    await store.updateStatus(job, "checking");
    expect(await fail()).toMatchObject({ kind: "failed", job: { status: "failed" } });
  });
}
