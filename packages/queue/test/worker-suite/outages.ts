import { expect } from "vitest";
import { RetryLater } from "../../src/worker.js";
import { type Case, HEARTBEAT_MS, LEASE_MS, renderings, requestOf } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;
const WAITING = { to: "waiting" } as const;
const OUTAGES_MS = [1_000, 60_000, 35 * 60_000];

export function outages(test: Case): void {
  test("while the relay is stopped for ten minutes, nothing is lost, and all jobs continue when it runs again", async (world) => {
    const dead = world.start({ concurrency: 2 });
    const worker = world.start();
    worker.worker.pause();
    for (const id of ["crashed", "postponed"]) await world.request(id);
    await world.until(() => dead.runs.length === 2);
    const run = (id: string) => dead.runs.find(({ job }) => job.id === id);
    run("postponed")?.fail(new RetryLater("Later.", { afterMs: 60_000 }));
    await world.until(() => dead.eventTypes().includes("postponed"));
    await world.stopRelay();
    await world.request("late");
    await dead.crash();
    worker.worker.resume();
    await world.pass(10 * 60_000);
    expect(worker.runs).toHaveLength(0);
    world.startRelay();
    for (const count of [1, 2, 3]) {
      await world.until(() => worker.runs.length === count, 3_000);
      expect(worker.run.context.attempt).toBe(1);
      worker.run.finish(DONE);
    }
    await world.settled();
    expect(worker.runs.map(({ job }) => job.id).toSorted()).toEqual(["crashed", "late", "postponed"]);
  });

  test("a job that is cancelled between a claim whose reply was lost and its repetition is not claimed", async (world) => {
    const worker = world.start();
    worker.worker.pause();
    await world.request("a");
    await world.until(async () => (await world.messages()) === 1);
    world.storeFaults.loseReplies();
    worker.worker.resume();
    await world.until(async () => (await world.status("a")) === "rendering");
    await world.store.updateStatus("a", "cancelled", { by: "user" });
    await world.settled();
    await world.pass(LEASE_MS);
    expect(worker.runs).toHaveLength(0);
    expect(await world.store.get("a")).toMatchObject({ status: "cancelled", version: 3 });
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "moved" });
  });

  for (const outageMs of OUTAGES_MS) {
    test(`an outage of the store for ${outageMs} ms before the claim uses no attempt and delays no other job`, async (world) => {
      const worker = world.start({ concurrency: 2 });
      worker.worker.pause();
      for (const id of ["a", "b", "c"]) await world.request(id);
      await world.until(async () => (await world.messages()) === 3);
      world.storeFaults.goAway();
      worker.worker.resume();
      await world.pass(outageMs);
      expect(worker.worker.state).toBe("waiting");
      expect(worker.runs).toHaveLength(0);
      world.storeFaults.comeBack();
      await world.until(() => worker.runs.length === 2, 5_000);
      for (const { context } of worker.runs) expect(context.attempt).toBe(1);
      for (const run of worker.runs) run.finish(DONE);
      await world.until(() => worker.runs.length === 3);
      worker.run.finish(DONE);
      await world.settled();
      // A call that failed last can be repeated later than the claims.
      await world.until(() => worker.eventTypes().includes("available"));
      expect(worker.eventTypes().toSorted()).toEqual(["available", "done", "done", "done", "unavailable"]);
    });

    test(`an outage of the store for ${outageMs} ms aborts and repeats no run`, async (world) => {
      const worker = await world.startRunning({ concurrency: 2 });
      const other = world.start();
      await world.request("b");
      await world.until(() => worker.runs.length + other.runs.length === 2);
      const runs = [...worker.runs, ...other.runs];
      world.storeFaults.goAway();
      await world.pass(outageMs);
      world.storeFaults.comeBack();
      // Each lease has the time left that it had before, and is renewed at once.
      await world.pass(LEASE_MS);
      for (const { context } of runs) expect(context.signal.aborted).toBe(false);
      for (const run of runs) run.finish(DONE);
      await world.settled();
      expect(worker.runs.length + other.runs.length).toBe(2);
      for (const id of ["a", "b"]) {
        expect(await world.store.get(id)).toMatchObject({ status: "done", version: 3 });
      }
    });
  }

  test("after an hour without processes, no lease has ended, and a job continues when its time has passed", async (world) => {
    const dead = await world.startRunning();
    await dead.crash();
    await world.stopRelay();
    await world.pass(3_600_000);
    const started = Date.now();
    world.startRelay();
    const worker = world.start();
    await world.until(() => worker.runs.length === 1, LEASE_MS + 2_000);
    // The lease was just renewed when the process died.
    expect(Date.now() - started).toBeGreaterThan(LEASE_MS - HEARTBEAT_MS - 5_000);
    expect(worker.run.context.attempt).toBe(1);
    worker.run.finish(DONE);
    await world.settled();
  });

  test("a worker that waits alone for the lease of a dead one gets the job", async (world) => {
    const dead = await world.startRunning();
    await dead.crash();
    const worker = world.start({ concurrency: 4 });
    const started = Date.now();
    await world.until(() => worker.runs.length === 1, LEASE_MS + 2_000);
    expect(Date.now() - started).toBeGreaterThan(HEARTBEAT_MS);
    worker.run.finish(DONE);
    await world.settled();
  });

  test("a job whose worker died and whose queue was purged is sent again, and ends", async (world) => {
    const dead = await world.startRunning();
    await dead.crash();
    await world.broker.purge(renderings);
    const worker = world.start();
    await world.until(() => worker.runs.length === 1, LEASE_MS + 2_000);
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.status("a")).toBe("done");
  });

  test("a redelivery after a failed attempt whose acknowledgement was lost is skipped, and the retry comes once", async (world) => {
    const worker = await world.startRunning();
    worker.run.fail(new Error("broken"));
    world.brokerFaults.dropConnections();
    await world.until(() => worker.runs.length === 2, 5_000);
    expect(worker.run.context.attempt).toBe(2);
    worker.run.finish(WAITING);
    await world.settled();
    await world.pass(2 * LEASE_MS);
    expect(worker.runs).toHaveLength(2);
    const types = worker.eventTypes().filter((type) => type !== "unavailable" && type !== "available");
    expect(types).toEqual(["retrying", "skipped", "done"]);
  });

  test("after a failover that lost the claim, the outcome of the old worker is refused for a job that the user moved to this version", async (world) => {
    // The answer of a claim that the store no longer has.
    const store = new Proxy(world.store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (name !== "claim" || lost) return value.bind(target);
        return async (id: string) => {
          lost = true;
          const job = { ...(await target.get(id)), status: "rendering", version: 2 };
          return { kind: "claimed", job, failedAttempts: 0, expiredLeases: 0, origin: "lost" };
        };
      },
    });
    let lost = false;
    const worker = await world.startRunning({ store });
    expect(await world.store.updateStatus("a", "cancelled", { by: "user" })).toMatchObject({ version: 2 });
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.store.get("a")).toMatchObject({ status: "cancelled", version: 2 });
    expect(worker.eventTypes()).toEqual(["lost", "skipped"]);
  });

  test("a running job that is saved is lost to its worker, and continues", async (world) => {
    const worker = await world.startRunning();
    const job = await world.store.get("a");
    if (job === null) throw new Error("The job is missing.");
    await world.store.save({ ...job, data: { title: "new" } });
    worker.run.finish(DONE);
    await world.until(() => worker.runs.length === 2, LEASE_MS);
    expect(worker.run.job).toMatchObject({ data: { title: "new" } });
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.eventTypes().filter((type) => type !== "skipped")).toEqual(["lost", "done"]);
    expect(await world.store.get("a")).toMatchObject({ status: "done", data: { title: "new" } });
  });

  test("a running job that is saved into a status in `from` is claimed again, and its outcome is not stored over it", async (world) => {
    const worker = await world.startRunning();
    const job = await world.store.get("a");
    if (job === null) throw new Error("The job is missing.");
    await world.store.save({ ...job, status: "waiting" });
    worker.run.finish({ to: "failed" });
    await world.until(() => worker.runs.length === 2, LEASE_MS);
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.status("a")).toBe("done");
  });

  test("a postponed job that is saved into its status continues at its time", async (world) => {
    const worker = await world.startRunning();
    worker.run.fail(new RetryLater("Later.", { afterMs: 30_000 }));
    await world.settled();
    const job = await world.store.get("a");
    if (job === null) throw new Error("The job is missing.");
    await world.store.save(job);
    await world.pass(25_000);
    expect(worker.runs).toHaveLength(1);
    await world.until(() => worker.runs.length === 2, 8_000);
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.status("a")).toBe("done");
  });

  test("a postponed job that is saved into a status without leases continues at once", async (world) => {
    const worker = await world.startRunning();
    worker.run.fail(new RetryLater("Later.", { afterMs: 30_000 }));
    await world.settled();
    const job = await world.store.get("a");
    if (job === null) throw new Error("The job is missing.");
    await world.store.save({ ...job, status: "waiting" });
    await world.until(() => worker.runs.length === 2, LEASE_MS);
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.status("a")).toBe("done");
  });

  test("a claim that the store answers after close has begun ends its lease, and the next worker starts at once", async (world) => {
    const worker = world.start();
    worker.block();
    await world.request("a");
    await world.until(async () => (await world.broker.stats(renderings)).unacked === 1);
    const closed = worker.worker.close();
    await world.pass(1_000);
    worker.wake();
    await world.pass(100);
    await closed;
    expect(worker.runs).toHaveLength(0);
    const next = world.start();
    await world.until(() => next.runs.length === 1, 2_000);
    expect(next.run.context.attempt).toBe(1);
    next.run.finish(DONE);
    await world.settled();
    expect(await world.messages()).toBe(0);
  });

  test("a claim whose reply was lost when close begins delays the job by one lease at most, and nothing is lost", async (world) => {
    const worker = world.start();
    worker.worker.pause();
    await world.request("a");
    await world.until(async () => (await world.messages()) === 1);
    world.storeFaults.loseReplies();
    worker.worker.resume();
    await world.until(async () => (await world.status("a")) === "rendering");
    const closed = worker.worker.close();
    await world.pass(3_000);
    await closed;
    const next = world.start();
    await world.until(() => next.runs.length === 1, LEASE_MS + 2_000);
    expect(next.run.context.attempt).toBe(1);
    next.run.finish(DONE);
    await world.settled();
  });

  test("a claim that the store answers only after close has ended delays the job by one lease at most", async (world) => {
    const worker = world.start();
    worker.block();
    await world.request("a");
    await world.until(async () => (await world.broker.stats(renderings)).unacked === 1);
    const closed = worker.worker.close({ graceMs: 0 });
    await world.pass(4_000);
    await closed;
    worker.wake();
    await world.pass(100);
    const next = world.start();
    await world.until(() => next.runs.length === 1, LEASE_MS + 2_000);
    expect(next.run.context.attempt).toBe(1);
    next.run.finish(DONE);
    await world.settled();
    expect(worker.runs).toHaveLength(0);
  });

  test("many leases are renewed by one call per heartbeat, without an event or a new version", async (world) => {
    const ids = Array.from({ length: 1_000 }, (_, number) => `job-${number}`);
    const renewed: number[] = [];
    const store = new Proxy(world.store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (name !== "announceWorker") return value.bind(target);
        return (announced: unknown, jobs: readonly unknown[], leaseMs: number) => {
          if (jobs.length > 0) renewed.push(jobs.length);
          return Reflect.apply(value, target, [announced, jobs, leaseMs]);
        };
      },
    });
    const worker = world.start({ store, concurrency: 1_000 });
    await world.store.createMany(ids.map((id) => ({ data: { title: id }, id, outbox: [requestOf(id)] })));
    await world.until(() => worker.runs.length === 1_000);
    const changes: string[] = [];
    const watching = (async () => {
      for await (const event of world.store.watch()) changes.push(event.type);
    })();
    renewed.length = 0;
    await world.pass(60_000);
    expect(renewed).toEqual(Array.from({ length: 60_000 / HEARTBEAT_MS }, () => 1_000));
    expect(changes).toEqual([]);
    for (const run of worker.runs) run.finish(DONE);
    await world.settled();
    for (const job of await world.store.getMany(ids)) expect(job).toMatchObject({ status: "done", version: 3 });
    await world.store.close();
    await watching;
  });
}
