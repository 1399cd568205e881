import { expect, vi } from "vitest";
import type { JobStore, OutboxEntry } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report } from "./definitions.js";
import { expectRefusal, gone, laterThan, manyIds, PATIENCE } from "./expectations.js";

/** Time longer than the tests last, in milliseconds. A message with this delay is never due. */
const NEVER = 3_600_000;
/** Time that a reader waits for a message, in milliseconds. */
const WAIT = 60_000;

const delayed = (payload: unknown, delayMs: number) => ({ queue: "reports", payload, delayMs });
const payloads = (entries: readonly OutboxEntry[]) => entries.map(({ payload }) => payload);

/** Reads messages until there are `count`. */
async function readAll(store: JobStore<Report>, count: number, limit = 100): Promise<OutboxEntry[]> {
  const entries: OutboxEntry[] = [];
  while (entries.length < count) entries.push(...(await store.outbox.read({ waitMs: WAIT, claimMs: WAIT, limit })));
  return entries;
}

/** Returns the time of the storage. */
async function timeOf(store: JobStore<Report>): Promise<number> {
  const { job } = await store.create({ title: "A clock" });
  await store.delete(job.id);
  return job.createdAt.getTime();
}

export function delayedMessages({ test }: Context): void {
  test("a delayed message is returned when it is due, not before", async ({ store }) => {
    const outbox = [delayed("late", 300), { queue: "reports", payload: "now" }];
    const { job } = await store.create({ title: "One" }, { id: "a", outbox });
    const dueAt = new Date(job.createdAt.getTime() + 300);
    const [now, late] = await readAll(store, 2);
    expect(now).toMatchObject({ payload: "now", id: "a.1.1" });
    const origin = expect.stringContaining(String(dueAt.getTime()));
    expect(late).toEqual({ ...now, entryId: expect.any(String), payload: "late", id: "a.1.0", at: dueAt, origin });
    expect(late?.entryId).not.toBe(now?.entryId);
    expect(await timeOf(store)).toBeGreaterThanOrEqual(dueAt.getTime());
    expect(await store.outbox.read()).toEqual([]);
  });

  test("a waiting reader returns it within one second", async ({ store, stores }) => {
    const writer = stores.openApart();
    let lateMs = Number.POSITIVE_INFINITY;
    // A busy machine can delay a reader, but not every time.
    for (let attempt = 0; attempt < 10 && lateMs > 1000; attempt++) {
      const read = readAll(store, 1);
      await store.counts();
      await writer.create({ title: "One" }, { outbox: [delayed(attempt, 200)] });
      const [entry] = await read;
      lateMs = (await timeOf(store)) - Number(entry?.at);
    }
    expect(lateMs).toBeLessThanOrEqual(1000);
  });

  test("delayed messages are returned in the order of their due times", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [delayed(4, 400), delayed(1, 100), delayed(2, 100)] });
    await store.updateStatus("a", "working", { outbox: [delayed(3, 200)] });
    // All are due, so one read can return them in one order only.
    await vi.waitFor(async () => expect(await store.outbox.depth()).toBe(4), PATIENCE);
    const entries = await readAll(store, 4);
    const dueTimes = entries.map(({ at }) => at.getTime());
    expect(dueTimes).toEqual(dueTimes.toSorted((a, b) => a - b));
    expect(payloads(entries).filter((payload) => payload !== 3)).toEqual([1, 2, 4]);
  });

  test("a message that is not delayed has few of many due messages before it", async ({ store }) => {
    const many = manyIds(1000).map((id) => delayed(id, 1));
    for (const id of ["a", "b", "c"]) await store.create({ title: "One" }, { id, outbox: many });
    await vi.waitFor(async () => expect(await store.outbox.scheduled()).toBe(0), PATIENCE);
    await readAll(store, 20, 10);
    await store.create({ title: "Two" }, { outbox: [{ queue: "reports", payload: "ready" }] });
    expect(payloads(await readAll(store, 30, 10))).toContain("ready");
    expect(await store.outbox.depth()).toBe(3001);
  });

  test("it is sent although its job was deleted, has expired, or was cancelled", async ({ stores }) => {
    const store = stores.open({ ttlSeconds: { done: 1 } });
    const deleted = await jobIn(store, "working", "deleted");
    const expired = await jobIn(store, "working", "expired");
    const cancelled = await jobIn(store, "working", "cancelled");
    for (const { id } of [deleted, expired, cancelled]) {
      await store.updateStatus(id, "working", { outbox: [delayed(id, 1500)] });
    }
    await store.delete("deleted");
    await store.updateStatus("expired", "done");
    await store.updateStatus("cancelled", "failed");
    await gone(store, "expired");
    const entries = await readAll(store, 3);
    expect(entries.map(({ jobId }) => jobId).toSorted()).toEqual(["cancelled", "deleted", "expired"]);
    expect(await store.outbox.scheduled()).toBe(0);
  });

  test("it is kept while no store is open, and for a reader that opens later", async ({ stores }) => {
    const writer = stores.openApart();
    await writer.create({ title: "One" }, { outbox: [delayed(1, 50)] });
    await writer.close();
    expect(payloads(await readAll(stores.openApart(), 1))).toEqual([1]);
  });

  test("depth counts it from its due time on, and scheduled until then", async ({ store, stores }) => {
    const outbox = [delayed("later", NEVER), delayed("soon", 300)];
    const { job } = await store.create({ title: "One" }, { outbox });
    const dueAt = new Date(job.createdAt.getTime() + 300);
    // No reader runs.
    await vi.waitFor(async () => expect(await store.outbox.scheduled()).toBe(1), PATIENCE);
    expect(await timeOf(store)).toBeGreaterThanOrEqual(dueAt.getTime());
    const counts = async (one: JobStore<Report>) => [
      await one.outbox.depth(),
      await one.outbox.oldest(),
      await one.outbox.scheduled(),
      await one.outbox.countRejected(),
    ];
    for (const one of [store, stores.openApart()]) expect(await counts(one)).toEqual([1, dueAt, 1, 0]);
    const [entry] = await readAll(store, 1);
    expect(await counts(store)).toEqual([1, dueAt, 1, 0]);
    await store.outbox.reject([entry?.entryId as string], "why");
    expect(await counts(store)).toEqual([0, null, 1, 1]);
  });

  test("messages that are not due are in no count but their own, and health does not warn of them", async ({
    store,
  }) => {
    await store.create({ title: "One" }, { outbox: [delayed(1, NEVER), delayed(2, 31_622_400_000)] });
    expect(await store.outbox.scheduled()).toBe(2);
    expect([await store.outbox.depth(), await store.outbox.oldest()]).toEqual([0, null]);
    expect(await store.outbox.read()).toEqual([]);
    expect(await store.outbox.rejected()).toEqual([]);
    expect((await store.health()).warnings.filter((warning) => warning.includes("message"))).toEqual([]);
  });

  test("a rejected message that was delayed is due at once when it is requeued", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [delayed(1, 50)] });
    const [entry] = await readAll(store, 1);
    await store.outbox.reject([entry?.entryId as string], "why");
    expect(await store.outbox.rejected()).toEqual([{ ...entry, reason: "why" }]);
    await laterThan(store, entry?.at as Date);
    await store.outbox.requeue([entry?.entryId as string]);
    const [again, ...others] = await store.outbox.read();
    expect(others).toEqual([]);
    expect(again).toMatchObject({ jobId: "a", id: "a.1.0", payload: 1 });
    expect(Number(again?.at)).toBeGreaterThan(Number(entry?.at));
    expect(await store.outbox.oldest()).toEqual(again?.at);
  });

  test("several readers share delayed messages, and each message goes to one of them", async ({ store, stores }) => {
    const readers = [store, stores.open(), stores.openApart(), stores.openApart()];
    const seen: OutboxEntry[] = [];
    const reading = readers.map(async ({ outbox }) => {
      while (seen.length < 60) seen.push(...(await outbox.read({ limit: 3, waitMs: 1000, claimMs: WAIT })));
    });
    const jobs = manyIds(20).map((id) => ({
      data: { title: "One" },
      id,
      outbox: [50, 100, 150].map((delayMs) => delayed(id, delayMs)),
    }));
    await store.createMany(jobs);
    await Promise.all(reading);
    const expected = jobs.flatMap(({ id }) => [`${id}.1.0`, `${id}.1.1`, `${id}.1.2`]);
    expect(seen.map(({ id }) => id).toSorted()).toEqual(expected.toSorted());
    expect(new Set(seen.map(({ entryId }) => entryId)).size).toBe(60);
  });

  test("delays outside the range are INVALID_ARGUMENT, and nothing is stored", async ({ store }) => {
    for (const delayMs of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 31_622_400_001, "5", null]) {
      const outbox = [delayed(1, delayMs as number)];
      await expectRefusal(store.create({ title: "One" }, { outbox }), "INVALID_ARGUMENT");
    }
    expect(await store.counts()).toMatchObject({ waiting: 0 });
    await store.create({ title: "One" }, { outbox: [{ queue: "reports", payload: 1, delayMs: undefined }] });
    expect(payloads(await store.outbox.read())).toEqual([1]);
  });
}
