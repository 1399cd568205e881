import { expect, vi } from "vitest";
import type { JobStore, ListedEntry, OutboxKind } from "../../index.js";
import type { Context } from "./context.js";
import type { Report } from "./definitions.js";
import { expectRefusal, manyIds, PATIENCE } from "./expectations.js";

/** Time longer than the tests last, in milliseconds. */
const LONG = 3_600_000;

const ready = (payload: unknown) => ({ queue: "reports", payload });
const later = (payload: unknown, delayMs = LONG) => ({ ...ready(payload), delayMs });
const payloads = (entries: readonly ListedEntry[]) => entries.map(({ payload }) => payload);

/** Returns all messages of a kind, and the sizes of the pages. */
async function pages(store: JobStore<Report>, kind: OutboxKind, limit: number) {
  const entries: ListedEntry[] = [];
  const sizes: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.outbox.list({ kind, limit, cursor });
    entries.push(...page.entries);
    sizes.push(page.entries.length);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return { entries, sizes };
}

/** Stores a message for each payload, in order, and rejects those of `rejected`. */
async function fill(store: JobStore<Report>, count: number, rejected: readonly number[]): Promise<void> {
  for (let n = 0; n < count; n++) {
    await store.create({ title: "One" }, { id: `job-${n}`, outbox: [ready(n), later(n, LONG + n)] });
  }
  const entries = await store.outbox.read({ limit: 1000, claimMs: 1 });
  const ids = entries.filter(({ payload }) => rejected.includes(payload as number)).map(({ entryId }) => entryId);
  await store.outbox.reject(ids, "no such queue");
}

export function outboxList({ test }: Context): void {
  test("an empty outbox has one empty page of each kind", async ({ store }) => {
    for (const kind of ["waiting", "scheduled", "rejected"] as const) {
      expect(await store.outbox.list({ kind })).toEqual({ entries: [] });
    }
    expect(await store.outbox.ofJob("a")).toEqual({ entries: [], complete: true });
  });

  test("a waiting message is listed as read returns it, and claimed if a reader has it", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [{ ...ready({ n: 1 }), headers: { k: "v" } }] });
    const [before] = (await store.outbox.list({ kind: "waiting" })).entries;
    expect(before).toMatchObject({ kind: "waiting", jobId: "a", queue: "reports", claimed: false });
    const [entry] = await store.outbox.read({ claimMs: LONG });
    expect((await store.outbox.list({ kind: "waiting" })).entries).toEqual([
      { ...entry, kind: "waiting", claimed: true },
    ]);
    await store.outbox.ack([entry?.entryId as string]);
    expect((await store.outbox.list({ kind: "waiting" })).entries).toEqual([]);
  });

  test("a list claims nothing, and a claim that has ended is none", async ({ store }) => {
    await store.create({ title: "One" }, { outbox: [ready(1)] });
    await store.outbox.list({ kind: "waiting" });
    expect(await store.outbox.read({ claimMs: 1 })).toHaveLength(1);
    await vi.waitFor(async () => {
      expect((await store.outbox.list({ kind: "waiting" })).entries).toMatchObject([{ claimed: false }]);
    }, PATIENCE);
  });

  test("a scheduled message is listed with its due time, and waits once it is due", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: "a", outbox: [later("later"), later("soon", 200)] });
    const dueAt = new Date(job.createdAt.getTime() + LONG);
    const [last] = (await store.outbox.list({ kind: "scheduled" })).entries.slice(-1);
    expect(last).toMatchObject({ kind: "scheduled", jobId: "a", id: "a.1.0", payload: "later", at: dueAt, dueAt });
    expect(last?.origin).toContain(String(dueAt.getTime()));
    // No reader runs.
    await vi.waitFor(async () => expect(await store.outbox.depth()).toBe(1), PATIENCE);
    expect(payloads((await store.outbox.list({ kind: "scheduled" })).entries)).toEqual(["later"]);
    expect((await store.outbox.list({ kind: "waiting" })).entries).toMatchObject([{ payload: "soon", claimed: false }]);
    const [entry] = await store.outbox.read({ claimMs: LONG });
    expect((await store.outbox.list({ kind: "waiting" })).entries).toEqual([
      { ...entry, kind: "waiting", claimed: true },
    ]);
  });

  test("a rejected message is listed as rejected returns it", async ({ store }) => {
    await fill(store, 3, [1]);
    const rejected = await store.outbox.rejected();
    expect(rejected).toHaveLength(1);
    expect((await store.outbox.list({ kind: "rejected" })).entries).toEqual(
      rejected.map((entry) => ({ ...entry, kind: "rejected" })),
    );
    expect(payloads((await store.outbox.list({ kind: "waiting" })).entries).toSorted()).toEqual([0, 2]);
  });

  for (const limit of [1, 3, 1000]) {
    test(`pages of ${limit} contain each message once, in order`, async ({ store, underTest }) => {
      const odd = [1, 3, 5, 7, 9, 11];
      await fill(store, 12, odd);
      const { entries: scheduled, sizes } = await pages(store, "scheduled", limit);
      expect(payloads(scheduled)).toEqual(Array.from({ length: 12 }, (_, n) => n));
      expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
      if ((underTest.shards ?? 1) === 1 && limit < 12) expect(sizes).toEqual(Array(12 / limit).fill(limit));
      const { entries: rejected } = await pages(store, "rejected", limit);
      expect(payloads(rejected).toSorted((a, b) => Number(a) - Number(b))).toEqual(odd);
      const times = rejected.map(({ at }) => at.getTime());
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      const { entries: waiting } = await pages(store, "waiting", limit);
      expect(payloads(waiting).toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 2, 4, 6, 8, 10]);
    });
  }

  test("hundreds of messages of one millisecond are on their pages once", async ({ store }) => {
    const outbox = manyIds(300).map((id) => later(id));
    await store.create({ title: "One" }, { outbox: [...outbox, ...outbox.map(({ payload }) => ready(payload))] });
    const ids = manyIds(300);
    expect(payloads((await pages(store, "scheduled", 37)).entries)).toEqual(ids);
    expect(payloads((await pages(store, "waiting", 37)).entries)).toEqual(ids);
    const entries = await store.outbox.read({ limit: 1000 });
    await store.outbox.reject(
      entries.map(({ entryId }) => entryId),
      "why",
    );
    expect(payloads((await pages(store, "rejected", 37)).entries).toSorted()).toEqual(ids);
  });

  test("a page begins after the cursor although the message at the cursor is gone", async ({ store }) => {
    const outbox = [0, 1, 2, 3].map(ready);
    await store.create({ title: "One" }, { id: "a", outbox });
    const { cursor } = await store.outbox.list({ kind: "waiting", limit: 2 });
    const entries = await store.outbox.read();
    await store.outbox.ack(entries.slice(1, 3).map(({ entryId }) => entryId));
    expect(payloads((await store.outbox.list({ kind: "waiting", limit: 2, cursor })).entries)).toEqual([3]);
    await store.outbox.reject([entries[0]?.entryId as string, entries[3]?.entryId as string], "why");
    const first = await store.outbox.list({ kind: "rejected", limit: 1 });
    await store.outbox.requeue(first.entries.map(({ entryId }) => entryId));
    const rest = await store.outbox.list({ kind: "rejected", limit: 1, cursor: first.cursor });
    expect(payloads([...first.entries, ...rest.entries])).toEqual([0, 3]);
  });

  test("a cursor of another kind, or of jobs, is INVALID_ARGUMENT", async ({ store }) => {
    await fill(store, 3, []);
    const { cursor } = await store.outbox.list({ kind: "waiting", limit: 1 });
    const ofJobs = (await store.list({ limit: 1 })).cursor;
    expect([typeof cursor, typeof ofJobs]).toEqual(["string", "string"]);
    await expectRefusal(store.outbox.list({ kind: "scheduled", cursor }), "INVALID_ARGUMENT");
    for (const wrong of [ofJobs, "", "garbage", 7 as never]) {
      await expectRefusal(store.outbox.list({ kind: "waiting", cursor: wrong }), "INVALID_ARGUMENT");
    }
  });

  test("the messages of a job are those of every kind, and of no other job", async ({ store }) => {
    await fill(store, 6, [2]);
    await store.updateStatus("job-3", "working", { outbox: [ready("more")] });
    const found = async (id: string) => {
      const { entries, complete } = await store.outbox.ofJob(id);
      expect(complete).toBe(true);
      return entries.map(({ kind, jobId, payload }) => [kind, jobId, payload]);
    };
    expect(await found("job-2")).toEqual([
      ["scheduled", "job-2", 2],
      ["rejected", "job-2", 2],
    ]);
    expect(await found("job-3")).toEqual([
      ["waiting", "job-3", 3],
      ["waiting", "job-3", "more"],
      ["scheduled", "job-3", 3],
    ]);
    expect(await found("job")).toEqual([]);
    await store.delete("job-3");
    expect(await found("job-3")).toHaveLength(3);
  });

  test("a job whose message is not among the oldest 1,000 is not found, and the search is not complete", async ({
    store,
  }) => {
    const many = manyIds(500).map(ready);
    await store.create({ title: "One" }, { id: "a", outbox: many });
    await store.updateStatus("a", "working", { outbox: many });
    expect(await store.outbox.ofJob("a")).toMatchObject({ complete: true, entries: { length: 1000 } });
    await store.updateStatus("a", "working", { outbox: [{ ...ready("last"), queue: "other" }] });
    const { entries, complete } = await store.outbox.ofJob("a");
    expect([complete, entries.length]).toEqual([false, 1000]);
    expect(entries.every(({ queue }) => queue === "reports")).toBe(true);
  });

  test("large messages are listed a few at a time, and none is left out", async ({ store }) => {
    const body = "x".repeat(700_000);
    for (let n = 0; n < 6; n++) {
      await store.create({ title: "One" }, { id: `job-${n}`, outbox: [ready({ n, body }), later({ n, body })] });
    }
    for (const kind of ["waiting", "scheduled"] as const) {
      const { entries } = await pages(store, kind, 100);
      expect(payloads(entries).map((payload) => (payload as { n: number }).n)).toEqual([0, 1, 2, 3, 4, 5]);
    }
    expect((await store.outbox.ofJob("job-5")).entries.map(({ kind }) => kind)).toEqual(["waiting", "scheduled"]);
  });
}
