import { expect } from "vitest";
import { RetryLater } from "../../src/worker.js";
import { type Case, renderings, type World } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;
const MINUTE = 60_000;

/** Waits until all messages of these jobs are in the queue, so no worker has one. */
async function allReady(world: World, count: number): Promise<void> {
  await world.until(async () => (await world.broker.stats(renderings)).ready === count);
}

export function queuePauses(test: Case): void {
  test("while its queue is paused, a worker finishes its runs, returns what it fetched, and starts nothing", async (world) => {
    const worker = await world.startRunning({ prefetch: 4 });
    for (const id of ["b", "c", "d"]) await world.request(id);
    await world.until(async () => (await world.store.outbox.depth()) === 0);
    await world.store.pauseQueue("renderings", { reason: "The provider is down." });
    worker.run.finish(DONE);
    await world.until(() => worker.worker.state === "paused");
    await allReady(world, 3);
    expect(await world.status("a")).toBe("done");
    for (const id of ["b", "c", "d"])
      expect(await world.store.get(id)).toMatchObject({ status: "pending", version: 1 });
    expect(worker.runs).toHaveLength(1);
    expect(worker.events).toContainEqual({
      type: "paused",
      message: 'The queue "renderings" is paused for all workers until it is resumed. Reason: The provider is down.',
    });

    await world.store.resumeQueue("renderings");
    for (const runs of [2, 3, 4]) {
      await world.until(() => worker.runs.length === runs, 3_000);
      worker.run.finish(DONE);
    }
    await world.settled();
    expect(worker.runs.map(({ context }) => context.attempt)).toEqual([1, 1, 1, 1]);
    expect(worker.eventTypes()).toEqual(["done", "paused", "resumed", "done", "done", "done"]);
  });

  test("a pause ends at its time, and each worker consumes again within two seconds", async (world) => {
    const workers = [world.start(), world.start()] as const;
    await world.store.pauseQueue("renderings", { until: new Date(Date.now() + MINUTE) });
    await world.request("a");
    await world.until(() => workers.every(({ worker }) => worker.state === "paused"));
    await world.pass(MINUTE - 2_000);
    await allReady(world, 1);
    await world.until(() => workers.some(({ runs }) => runs.length === 1), 5_000);
    await world.until(() => workers.every(({ worker }) => worker.state === "running"), 3_000);
    for (const { runs, run } of workers.filter(({ runs }) => runs.length === 1)) {
      expect(runs).toHaveLength(1);
      run.finish(DONE);
    }
    await world.settled();
    for (const { events } of workers) expect(events.filter(({ type }) => type === "paused")).toHaveLength(1);
  });

  test("RetryLater with `pauseQueue` pauses the queue for all workers until the job continues", async (world) => {
    const first = await world.startRunning();
    first.run.fail(new RetryLater("The provider allows no more requests.", { afterMs: MINUTE, pauseQueue: true }));
    await world.until(() => first.worker.state === "paused");
    const job = await world.store.get("a");
    const [pause] = await world.store.pausedQueues();
    expect(pause).toMatchObject({ queue: "renderings", reason: "The provider allows no more requests." });
    expect(Math.abs(Number(pause?.until) - Number(job?.leasedUntil))).toBeLessThan(1_000);
    expect(pause?.by).toBe(job?.history.at(-1)?.by);
    const second = world.start();
    await world.request("b");
    await world.until(() => second.worker.state === "paused");
    await world.pass(MINUTE - 5_000);
    expect([...first.runs, ...second.runs]).toHaveLength(1);
    await world.until(() => first.runs.length + second.runs.length === 3, 10_000);
    for (const { runs } of [first, second]) {
      for (const { context, finish } of runs) {
        expect(context.attempt).toBe(1);
        finish(DONE);
      }
    }
    await world.settled();
    expect(await world.status("a")).toBe("done");
    expect(await world.status("b")).toBe("done");
  });

  test("RetryLater without `pauseQueue` pauses nothing, and with it, never shortens a pause", async (world) => {
    const worker = await world.startRunning({ concurrency: 2 });
    worker.run.fail(new RetryLater("Later.", { afterMs: MINUTE }));
    await world.until(() => worker.eventTypes().includes("postponed"));
    expect(await world.store.pausedQueues()).toEqual([]);
    await world.request("b");
    await world.until(() => worker.runs.length === 2);
    await world.store.pauseQueue("renderings", { reason: "Maintenance." });
    worker.run.fail(new RetryLater("Later.", { afterMs: MINUTE, pauseQueue: true }));
    await world.until(() => worker.worker.state === "paused");
    expect(await world.store.pausedQueues()).toMatchObject([{ until: null, reason: "Maintenance." }]);
  });

  test("`pause` of a worker and a pause of its queue are independent", async (world) => {
    const worker = await world.startRunning();
    worker.worker.pause();
    worker.run.finish(DONE);
    await world.request("b");
    await world.store.pauseQueue("renderings");
    worker.worker.resume();
    await world.until(() => worker.events.some(({ type }) => type === "paused"));
    worker.worker.pause();
    worker.worker.resume();
    expect(worker.worker.state).toBe("paused");
    worker.worker.pause();
    await world.store.resumeQueue("renderings");
    await world.until(() => worker.events.some(({ type }) => type === "resumed"));
    expect(worker.worker.state).toBe("paused");
    await allReady(world, 1);
    worker.worker.resume();
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(DONE);
    await world.settled();
  });

  test("a worker whose queue is paused can be closed, and its message is kept", async (world) => {
    const worker = world.start();
    await world.store.pauseQueue("renderings");
    await world.request("a");
    await world.until(() => worker.worker.state === "paused");
    const closed = worker.worker.close();
    await world.until(async () => (await world.broker.stats(renderings)).ready === 1);
    await world.pass(100);
    await closed;
    await world.store.resumeQueue("renderings");
    const second = world.start();
    await world.until(() => second.runs.length === 1);
    second.run.finish(DONE);
    await world.settled();
  });

  test("while the store is unavailable, the queue stays paused", async (world) => {
    const worker = world.start();
    await world.store.pauseQueue("renderings");
    await world.request("a");
    await world.until(() => worker.worker.state === "paused");
    await world.store.resumeQueue("renderings");
    world.storeFaults.goAway();
    await world.pass(10_000);
    expect(worker.worker.state).toBe("paused");
    world.storeFaults.comeBack();
    await world.until(() => worker.runs.length === 1);
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.eventTypes().filter((type) => type === "paused" || type === "resumed")).toEqual([
      "paused",
      "resumed",
    ]);
  });
}
