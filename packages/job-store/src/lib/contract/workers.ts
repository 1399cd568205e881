import { v7 as uuid } from "uuid";
import { expect, vi } from "vitest";
import type { AnnouncedWorker, JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report } from "./definitions.js";
import { laterThan, manyIds, PATIENCE } from "./expectations.js";
import { claim, claimed, createClaimed, direct, MINUTE, SHORT } from "./requests.js";

/** Returns a worker that announces itself. */
export function workerOf(change: Partial<AnnouncedWorker<Report>> = {}): AnnouncedWorker<Report> {
  return {
    id: uuid(),
    by: "printer@host/1",
    queue: "reports",
    from: ["waiting", "checking"],
    working: "working",
    host: "host",
    pid: 1,
    state: "running",
    concurrency: 4,
    startedAt: new Date("2026-01-01T00:00:00.000Z"),
    ...change,
  };
}

/** Returns the worker as `workers` shows it. */
function shown({ id: _, from: __, working: ___, ...worker }: AnnouncedWorker<Report>, running: readonly string[] = []) {
  return { version: null, ...worker, running: expect.toSatisfy(sameIds(running)), seenAt: expect.any(Date) };
}

/** On a cluster, the order of the ids is that of the shards. */
function sameIds(expected: readonly string[]) {
  return (ids: readonly string[]) => JSON.stringify(ids.toSorted()) === JSON.stringify(expected.toSorted());
}

/** Imports a job that has been in the status for so long. */
async function waitingFor(store: JobStore<Report>, ms: number, status: "waiting" | "checking" = "waiting") {
  const { job } = await store.create({ title: "A clock" });
  await store.delete(job.id);
  const at = new Date(job.createdAt.getTime() - ms);
  await store.save({ ...job, id: uuid(), status, createdAt: at, statusAt: at, updatedAt: at, history: [] } as never);
}

const unattended = async (store: JobStore<Report>) =>
  (await store.health()).warnings.filter((warning) => warning.includes("no live worker"));

export function workers({ test }: Context): void {
  test("a worker that announces itself is alive, with the jobs that it runs", async ({ store, stores }) => {
    expect(await store.workers()).toEqual([]);
    const jobs = await Promise.all(manyIds(3).map(async (id) => (await createClaimed(store, id)).job));
    const [first, second] = [workerOf(), workerOf({ queue: "letters", version: "1.2.3", state: "waiting", pid: 2 })];
    expect(await store.announceWorker(first, jobs, MINUTE)).toEqual({ renewed: [true, true, true], paused: null });
    expect(await store.announceWorker(second, [], MINUTE)).toEqual({ renewed: [], paused: null });
    for (const one of [store, stores.openApart()]) {
      expect(await one.workers()).toEqual([shown(second), shown(first, manyIds(3))]);
    }
  });

  test("an announcement renews the leases of the jobs, and says which were lost", async ({ store }) => {
    const held = await createClaimed(store, "held");
    const lost = await createClaimed(store, "lost");
    await store.updateStatus("lost", "working");
    const { renewed } = await store.announceWorker(workerOf(), [held.job, lost.job], 3 * MINUTE);
    expect(renewed).toEqual([true, false]);
    const ms = Number((await store.get("held"))?.leasedUntil) - Number(held.job.leasedUntil);
    expect(ms).toBeGreaterThanOrEqual(2 * MINUTE);
    expect((await store.announceWorker(workerOf(), [held.job], 0)).renewed).toEqual([true]);
    expect((await store.get("held"))?.leasedUntil).toBeNull();
  });

  test("the next announcement replaces the record", async ({ store }) => {
    const worker = workerOf();
    await store.announceWorker(worker, [], MINUTE);
    const [before] = await store.workers();
    await laterThan(store, before?.seenAt as Date);
    const { job } = await createClaimed(store, "a");
    await store.announceWorker({ ...worker, state: "paused" }, [job], MINUTE);
    const [after] = await store.workers();
    expect(await store.workers()).toEqual([shown({ ...worker, state: "paused" }, ["a"])]);
    expect(Number(after?.seenAt)).toBeGreaterThan(Number(before?.seenAt));
  });

  test("a record expires by itself, and a worker that has ended removes its own", async ({ store }) => {
    const [silent, closed, alive] = [workerOf(), workerOf(), workerOf({ pid: 3 })];
    await store.announceWorker(silent, [], SHORT);
    for (const worker of [closed, alive]) await store.announceWorker(worker, [], MINUTE);
    await store.announceWorker(closed, [], 0);
    await vi.waitFor(async () => expect(await store.workers()).toEqual([shown(alive)]), PATIENCE);
    await store.announceWorker(closed, [], 0);
    await store.announceWorker(alive, [], MINUTE);
    expect(await store.workers()).toEqual([shown(alive)]);
  });

  test("at most 1,000 ids of running jobs are recorded", async ({ store }) => {
    const ids = manyIds(1100);
    await store.createMany(ids.map((id) => ({ id, data: { title: "One" } })));
    const jobs = await Promise.all(ids.map(async (id) => (await claimed(store, id)).job));
    const { renewed } = await store.announceWorker(workerOf(), jobs, MINUTE);
    expect(renewed).toEqual(ids.map(() => true));
    const [worker] = await store.workers();
    expect(worker?.running).toHaveLength(1000);
    expect(new Set(worker?.running).size).toBe(1000);
  });

  test("an announcement says that the queue of the worker is paused", async ({ store }) => {
    await store.pauseQueue("others");
    expect((await store.announceWorker(workerOf(), [], MINUTE)).paused).toBeNull();
    await store.pauseQueue("reports", { reason: "No paper.", by: "Ann" });
    const pause = (await store.pausedQueues()).find(({ queue }) => queue === "reports");
    expect(await store.announceWorker(workerOf(), [], MINUTE)).toEqual({ renewed: [], paused: pause });
    await store.resumeQueue("reports");
    expect((await store.announceWorker(workerOf(), [], MINUTE)).paused).toBeNull();
  });

  test("an announcement is a contact with the storage", async ({ store }) => {
    await createClaimed(store, "a", direct(), { leaseMs: SHORT });
    await vi.waitFor(async () => {
      await store.announceWorker(workerOf(), [], MINUTE);
      expect((await store.get("a"))?.leasedUntil).toBeNull();
    }, PATIENCE);
    expect(await claim(store, "a", direct("m-2"))).toMatchObject({ kind: "claimed", expiredLeases: 1 });
  });

  test("the names of a worker can be any text", async ({ store }) => {
    const name = 'séance "映画"\n🎬 [1] \\';
    const worker = workerOf({ by: name, queue: name, host: name, version: name });
    await store.announceWorker(worker, [], MINUTE);
    expect(await store.workers()).toEqual([shown(worker)]);
  });

  test("health warns if jobs have waited for more than 5 minutes in a status of `from`, and no live worker takes them", async ({
    store,
  }) => {
    await waitingFor(store, 7 * MINUTE);
    // No worker has ever named the status.
    expect(await unattended(store)).toEqual([]);
    const worker = workerOf();
    await store.announceWorker(worker, [], MINUTE);
    expect(await unattended(store)).toEqual([]);
    await store.announceWorker(worker, [], 0);
    expect(await unattended(store)).toEqual([
      'Jobs have waited in status "waiting" for up to 7 min, and no live worker takes them. Start a worker of the queue "reports". ' +
        "npx @subtitles/job-store workers shows those that are alive.",
    ]);
    // Another queue takes the jobs.
    const other = workerOf({ queue: "letters", from: ["waiting"] });
    await store.announceWorker(other, [], MINUTE);
    expect(await unattended(store)).toEqual([]);
    await store.announceWorker(other, [], 0);
    expect(await unattended(store)).toEqual([expect.stringContaining('of the queues "letters", "reports"')]);
  });

  test("health does not warn of jobs that wait for less time, or in other statuses, or that have expired", async ({
    store,
    stores,
  }) => {
    const worker = workerOf({ from: ["checking"] });
    await store.announceWorker(worker, [], MINUTE);
    await store.announceWorker(worker, [], 0);
    await waitingFor(store, 7 * MINUTE);
    await waitingFor(store, 3 * MINUTE, "checking");
    await jobIn(store, "working");
    expect(await unattended(store)).toEqual([]);
    const short = stores.open({ ttlSeconds: { checking: 600 } });
    await waitingFor(short, 9.95 * MINUTE, "checking");
    await vi.waitFor(async () => expect(await unattended(short)).toEqual([]), PATIENCE);
    await waitingFor(store, 6 * MINUTE, "checking");
    expect(await unattended(store)).toEqual([expect.stringContaining('"checking" for up to 6 min')]);
  });

  test("the statuses of a queue are those that the worker named that started last", async ({ store }) => {
    await waitingFor(store, 7 * MINUTE);
    for (const from of [["waiting"], ["checking"]] as const) {
      const worker = workerOf({ from });
      await store.announceWorker(worker, [], MINUTE);
      await store.announceWorker(worker, [], 0);
    }
    expect(await unattended(store)).toEqual([]);
  });
}
