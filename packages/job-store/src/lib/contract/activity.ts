import { expect, vi } from "vitest";
import type { JobStorage, JobStore, JobStoreDriver } from "../../index.js";
import type { Context, Fixtures } from "./context.js";
import { imported, jobIn, type Report, report, STATUSES, step } from "./definitions.js";
import { gone, laterThan, manyIds, PATIENCE } from "./expectations.js";
import { timed } from "./timeouts.js";

const MINUTE_MS = 60_000;

const total = (minutes: readonly number[]) => minutes.reduce((sum, count) => sum + count, 0);

/** Returns the number of jobs that entered each status within the hour, and of those that were created. */
async function totals(store: JobStore<Report>) {
  const { created, entered } = await store.activity();
  return { created: total(created), ...Object.fromEntries(STATUSES.map((status) => [status, total(entered[status])])) };
}

const NONE = { created: 0, ...Object.fromEntries(STATUSES.map((status) => [status, 0])) };

/** Opens a store whose statuses have a time limit of `ms`, and its storage. */
function openTimed({ stores, underTest }: Fixtures, ms: number) {
  const opened: JobStorage[] = [];
  const driver: JobStoreDriver = {
    ...underTest.driver,
    open: (config) => {
      const rules = Array.from(config.timeouts, ([status, rule]) => [status, { ...rule, ms }] as const);
      const storage = underTest.driver.open({ ...config, timeouts: new Map(rules) });
      opened.push(storage);
      return storage;
    },
  };
  const store = stores.openFor(timed, { timeouts: false }, driver);
  const [storage] = opened as [JobStorage];
  const timeouts = async (lateMs = 0) => {
    const { dueWithinHour, overdue } = await storage.activity(lateMs);
    return { dueWithinHour, overdue };
  };
  return { store, storage, timeouts };
}

export function activity({ test }: Context): void {
  test("an empty store has no activity, and the last minute contains the present", async ({ store }) => {
    const { now, from, created, entered, timeouts } = await store.activity();
    expect(created).toEqual(new Array(60).fill(0));
    expect(entered).toEqual(Object.fromEntries(STATUSES.map((status) => [status, created])));
    expect(timeouts).toEqual({ withinHour: 0, overdue: 0 });
    expect(from.getTime() % MINUTE_MS).toBe(0);
    expect(Math.floor((now.getTime() - from.getTime()) / MINUTE_MS)).toBe(59);
  });

  test("a job counts in the minutes of its creation and of its present status", async ({ store }) => {
    const { now } = await store.activity();
    const ago = (minutes: number) => new Date(now.getTime() - minutes * MINUTE_MS);
    const job = (id: string, created: number, entered: number) =>
      store.save(
        imported(id, { createdAt: ago(created), statusAt: ago(entered), updatedAt: ago(entered), history: [] }),
      );
    await job("a", 70, 65);
    await job("b", 61, 50);
    await job("c", 30, 30);
    await job("d", 30, 10);
    const { from, created, entered } = await store.activity();
    const minuteOf = (time: Date) => Math.floor((time.getTime() - from.getTime()) / MINUTE_MS);
    expect(created).toEqual(created.map((_, minute) => (minute === minuteOf(ago(30)) ? 2 : 0)));
    const expected = [50, 30, 10].map((minutes) => minuteOf(ago(minutes)));
    expect(entered.checking).toEqual(created.map((_, minute) => (expected.includes(minute) ? 1 : 0)));
  });

  test("jobs that move on or are deleted leave the minutes of their status", async ({ store }) => {
    await jobIn(store, "waiting", "a");
    await jobIn(store, "waiting", "b");
    expect(await totals(store)).toEqual({ ...NONE, created: 2, waiting: 2 });
    await step(store, "a", "working");
    expect(await totals(store)).toEqual({ ...NONE, created: 2, waiting: 1, working: 1 });
    await step(store, "a", "working");
    expect(await totals(store)).toEqual({ ...NONE, created: 2, waiting: 1, working: 1 });
    await store.delete("b");
    expect(await totals(store)).toEqual({ ...NONE, created: 1, working: 1 });
  });

  test("expired jobs do not count, and jobs with another TTL do", async ({ stores }) => {
    const brief = stores.open({ ttlSeconds: { waiting: 0.15 } });
    const lasting = stores.openApart({ ttlSeconds: { waiting: 3600 } });
    await brief.create({ title: "One" }, { id: "brief" });
    await lasting.create({ title: "Two" });
    await gone(brief, "brief");
    for (const store of [brief, lasting]) expect(await totals(store)).toEqual({ ...NONE, created: 1, waiting: 1 });
  });

  test("the activity of many jobs equals their counts", async ({ store, stores }) => {
    const ids = manyIds(300);
    await store.createMany(ids.map((id) => ({ data: { title: id }, id })));
    await Promise.all(ids.slice(0, 90).map((id) => step(store, id, "failed")));
    const counts = await store.counts();
    expect(await totals(store)).toEqual({ created: 300, ...counts });
    expect(await stores.openFor(report, {}).counts()).toEqual(counts);
  });
}

export function timeoutNumbers({ test }: Context): void {
  test("a timeout counts if it passes within the hour", async (fixtures) => {
    const { store, storage, timeouts } = openTimed(fixtures, 30 * MINUTE_MS);
    await storage.findOverdue("one");
    await store.create({ title: "One" }, { id: "a" });
    await store.create({ title: "Two" }, { id: "b" });
    expect(await timeouts()).toEqual({ dueWithinHour: 2, overdue: 0 });
    await store.updateStatus("a", "failed");
    expect(await timeouts()).toEqual({ dueWithinHour: 1, overdue: 0 });
    const { timeouts: distant } = openTimed(fixtures, 90 * MINUTE_MS);
    expect(await distant()).toEqual({ dueWithinHour: 0, overdue: 0 });
  });

  test("a job whose timeout is not enforced is overdue until it moves", async (fixtures) => {
    const { store, storage, timeouts } = openTimed(fixtures, 100);
    await storage.findOverdue("one");
    const { job } = await store.create({ title: "One" }, { id: "a" });
    await laterThan(store as never, new Date(job.createdAt.getTime() + 200));
    await vi.waitFor(async () => expect(await timeouts()).toEqual({ dueWithinHour: 0, overdue: 1 }), PATIENCE);
    expect(await timeouts(3_600_000)).toMatchObject({ overdue: 0 });
    await store.updateStatus("a", "failed");
    expect(await timeouts()).toEqual({ dueWithinHour: 0, overdue: 0 });
  });

  test("a job with a lease is not overdue after its check", async (fixtures) => {
    const { store, storage, timeouts } = openTimed(fixtures, 100);
    await storage.findOverdue("one");
    await store.create({ title: "One" }, { id: "a" });
    const message = { queue: "workers", id: "m", payload: 1 };
    await store.claim("a", "working", { from: ["waiting"], leaseMs: 600_000, key: "k", message });
    const { createdAt } = (await store.get("a")) ?? expect.fail();
    await laterThan(store as never, new Date(createdAt.getTime() + 300));
    expect((await storage.findOverdue("one")).jobs).toEqual([]);
    expect(await timeouts()).toEqual({ dueWithinHour: 1, overdue: 0 });
  });
}
