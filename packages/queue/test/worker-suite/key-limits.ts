import { expect } from "vitest";
import { RetryLater } from "../../src/worker.js";
import { type Case, HEARTBEAT_MS, LEASE_MS, type WorkerProcess } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;

const studio = (max: number) => ({ field: "studio", max }) as const;

/** Ids of the jobs that run, in order. */
const startedBy = (...workers: readonly WorkerProcess[]) =>
  workers.flatMap(({ runs }) => runs.map(({ job }) => job.id)).toSorted();

/** Reasons for which the messages of a worker were skipped. */
const reasonsOf = ({ events }: WorkerProcess) => events.flatMap(({ reason }) => reason ?? []);

export function keyLimits(test: Case): void {
  test("so many jobs with a value run in all workers, and the others wait in the store, in order", async (world) => {
    const workers = [0, 1].map(() => world.start({ concurrency: 4, limit: studio(2) }));
    const ids = ["a", "b", "c", "d", "e"];
    for (const id of ids) {
      await world.request(id, "north");
      await world.until(
        () => workers.flatMap((one) => [...one.runs, ...reasonsOf(one)]).length === ids.indexOf(id) + 1,
      );
    }
    await world.request("other", "south");
    await world.until(() => startedBy(...workers).includes("other"));
    expect(startedBy(...workers)).toEqual(["a", "b", "other"]);
    expect(workers.flatMap(reasonsOf)).toEqual(["limited", "limited", "limited"]);
    // Those of the jobs that run. The others are in the store.
    await world.until(async () => (await world.messages()) === 3);
    for (const [n, id] of ids.slice(2).entries()) {
      const first = workers.flatMap(({ runs }) => runs).find(({ job }) => job.id === ids[n]);
      first?.finish(DONE);
      await world.until(() => startedBy(...workers).includes(id));
    }
    expect(startedBy(...workers)).toEqual([...ids, "other"]);
    for (const { runs } of workers) {
      for (const { context, finish } of runs) {
        expect(context.attempt).toBe(1);
        finish(DONE);
      }
    }
    await world.until(async () => (await world.store.counts()).done === 6);
    await world.settled();
  });

  test("a failed attempt and a postponed job free their place", async (world) => {
    const worker = world.start({ concurrency: 4, limit: studio(1) });
    for (const id of ["a", "b", "c"]) {
      await world.request(id, "north");
      await world.until(() => worker.runs.length + reasonsOf(worker).length > ["a", "b", "c"].indexOf(id));
    }
    worker.runs[0]?.fail(new Error("broken"));
    await world.until(() => worker.runs.length === 2);
    expect(worker.run.job.id).toBe("b");
    worker.run.fail(new RetryLater("Not yet.", { afterMs: 1_000 }));
    for (let done = 0; done < 3; done++) {
      await world.until(() => worker.runs.length === 3 + done);
      worker.run.finish(DONE);
    }
    await world.until(async () => (await world.store.counts()).done === 3);
    await world.settled();
    expect(startedBy(worker)).toEqual(["a", "a", "b", "b", "c"]);
  });

  test("the places of a dead worker are free when its leases end", async (world) => {
    const dead = world.start({ concurrency: 3, limit: studio(3) });
    for (const id of ["a", "b", "c"]) await world.request(id, "north");
    await world.until(() => dead.runs.length === 3);
    const worker = world.start({ concurrency: 6, limit: studio(3) });
    await dead.crash();
    await world.request("d", "north");
    await world.until(() => reasonsOf(worker).includes("limited"));
    await world.pass(LEASE_MS - HEARTBEAT_MS - 1_000);
    expect(worker.runs).toEqual([]);
    for (let done = 0; done < 4; done++) {
      await world.until(() => worker.runs.length > done);
      worker.runs[done]?.finish(DONE);
    }
    await world.until(async () => (await world.store.counts()).done === 4);
    expect(startedBy(worker)).toEqual(["a", "b", "c", "d"]);
    await world.settled();
  });

  test("if the limit is removed, all messages that wait are sent within a minute after the last worker with a limit was alive", async (world) => {
    const limited = world.start({ concurrency: 4, limit: studio(1) });
    for (const id of ["a", "b", "c", "d"]) await world.request(id, "north");
    await world.until(() => reasonsOf(limited).length === 3);
    const worker = world.start({ concurrency: 4 });
    // A crash looks like an outage, so the place stays taken.
    await limited.crash();
    await world.pass(LEASE_MS + 60_000);
    await world.until(() => worker.runs.length === 4);
    for (const { finish } of worker.runs) finish(DONE);
    await world.until(async () => (await world.store.counts()).done === 4);
    await world.settled();
  });
}
