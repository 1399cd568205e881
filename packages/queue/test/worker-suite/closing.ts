import { expect } from "vitest";
import { RetryLater } from "../../src/worker.js";
import { type Case, LEASE_MS, renderings, type World } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;

/** Awaits a promise that needs time to pass. Returns the time that it took. */
async function timeOf(world: World, promise: Promise<unknown>, limitMs = 30_000): Promise<number> {
  let settled = false;
  let ms = 0;
  const marked = promise.finally(() => {
    settled = true;
  });
  for (; !settled && ms < limitMs; ms += 10) await world.pass(10);
  if (!settled) throw new Error(`The promise has not settled after ${limitMs} ms.`);
  await marked;
  return ms;
}

export function closing(test: Case): void {
  test("close waits for the outcome of a running job", async (world) => {
    const worker = await world.startRunning();
    const closed = worker.worker.close();
    expect(worker.run.context.closing.aborted).toBe(true);
    expect(worker.run.context.signal.aborted).toBe(false);
    await world.pass(5_000);
    worker.run.finish(DONE);
    expect(await timeOf(world, closed)).toBeLessThan(100);
    expect(await world.status("a")).toBe("done");
    expect(worker.worker.state).toBe("closed");
    await world.settled();
  });

  test("after the grace period, close aborts the run and ends the lease, and the next worker starts at once", async (world) => {
    const worker = await world.startRunning();
    const { signal, closing } = worker.run.context;
    const order: string[] = [];
    closing.addEventListener("abort", () => order.push("closing"));
    signal.addEventListener("abort", () => order.push("signal"));
    expect(await timeOf(world, worker.worker.close({ graceMs: 2_000 }))).toBeLessThanOrEqual(6_000);
    expect(order).toEqual(["closing", "signal"]);
    expect(signal.reason).toMatchObject({ name: "QueueError", code: "CLOSED" });
    const second = world.start();
    await world.until(() => second.runs.length === 1, 2_000);
    expect(second.run.context.attempt).toBe(1);
    second.run.finish(DONE);
    await world.settled();
    worker.run.finish(DONE);
  });

  test("an outcome within a second after the abort of close is stored", async (world) => {
    const worker = await world.startRunning();
    const { signal } = worker.run.context;
    signal.addEventListener("abort", () => worker.run.finish(DONE));
    await timeOf(world, worker.worker.close({ graceMs: 1_000 }));
    expect(await world.status("a")).toBe("done");
    await world.settled();
  });

  test("long work can store a checkpoint and postpone itself when close begins", async (world) => {
    const worker = await world.startRunning();
    const { closing, checkpoint } = worker.run.context;
    closing.addEventListener("abort", async () => {
      await checkpoint({ percent: 40 });
      worker.run.fail(new RetryLater("The worker closes.", { afterMs: 1_000 }));
    });
    await timeOf(world, worker.worker.close());
    const second = world.start();
    await world.until(() => second.runs.length === 1, 3_000);
    expect(second.run.job.progress).toEqual({ percent: 40 });
  });

  test("messages that were only fetched ahead are returned when the worker closes or pauses", async (world) => {
    const worker = await world.startRunning({ prefetch: 10 });
    for (const id of ["b", "c", "d"]) await world.request(id);
    await world.until(async () => (await world.broker.stats(renderings)).unacked === 4);
    worker.worker.pause();
    await world.pass(10);
    expect(await world.broker.stats(renderings)).toMatchObject({ unacked: 1, ready: 3 });
    worker.worker.resume();
    await world.until(async () => (await world.broker.stats(renderings)).unacked === 4);
    const closed = worker.worker.close();
    await world.pass(10);
    expect(await world.broker.stats(renderings)).toMatchObject({ unacked: 1, ready: 3 });
    worker.run.finish(DONE);
    await timeOf(world, closed);
    expect(await world.broker.stats(renderings)).toMatchObject({ unacked: 0, ready: 3, dead: 0 });
  });

  test("close settles although the store is unavailable, and the outcome is not lost silently", async (world) => {
    const worker = await world.startRunning();
    world.storeFaults.goAway();
    worker.run.finish(DONE);
    expect(await timeOf(world, worker.worker.close({ graceMs: 3_000 }))).toBeLessThanOrEqual(7_000);
    expect(worker.eventTypes()).toContain("unavailable");
    expect(worker.eventTypes()).not.toContain("available");
    world.storeFaults.comeBack();
    const second = world.start();
    await world.until(() => second.runs.length === 1, LEASE_MS + 2_000);
    expect(second.run.context.attempt).toBe(1);
  });

  test("close settles although the broker is unavailable", async (world) => {
    const worker = await world.startRunning({ prefetch: 5 });
    await world.request("b");
    world.brokerFaults.goAway();
    const closed = worker.worker.close({ graceMs: 3_000 });
    worker.run.finish(DONE);
    expect(await timeOf(world, closed)).toBeLessThanOrEqual(7_000);
    expect(await world.status("a")).toBe("done");
    world.brokerFaults.comeBack();
  });

  test("a broker that is closed before the worker lets running work end, and the worker reports it", async (world) => {
    const worker = await world.startRunning();
    const closed = worker.broker.close({ graceMs: 5_000 });
    await world.pass(1_000);
    worker.run.finish(DONE);
    await timeOf(world, closed);
    expect(worker.events.at(1)).toMatchObject({
      type: "error",
      message: expect.stringContaining("closed before the worker"),
    });
    await timeOf(world, worker.worker.close());
    expect(await world.status("a")).toBe("done");
    await world.settled();
  });

  test("a store that is closed before the worker stops it at once, and no message is lost", async (world) => {
    let deliveries = 0;
    const jobId = (payload: { readonly jobId: string }) => {
      deliveries++;
      return payload.jobId;
    };
    const worker = world.start({ concurrency: 2, prefetch: 4, jobId });
    await world.pass(10);
    await worker.store.close();
    await world.broker.publishMany(
      renderings,
      Array.from({ length: 1_000 }, (_, n) => ({ payload: { jobId: `job-${n}` } })),
    );
    await world.pass(10_000);
    expect(worker.worker.state).toBe("closed");
    expect(deliveries).toBeLessThanOrEqual(6);
    expect(worker.eventTypes()).toEqual(["error"]);
    await timeOf(world, worker.worker.close());
    expect(await world.broker.stats(renderings)).toMatchObject({ ready: 1_000, unacked: 0, delayed: 0, dead: 0 });
    await world.broker.purge(renderings);
  });

  test("a worker can be closed at any time, and twice", async (world) => {
    const starting = world.start();
    await timeOf(world, Promise.all([starting.worker.close(), starting.worker.close()]));
    world.brokerFaults.goAway();
    const connecting = world.start();
    await world.pass(5_000);
    expect(connecting.worker.state).toBe("waiting");
    expect(await timeOf(world, connecting.worker.close({ graceMs: 0 }))).toBeLessThanOrEqual(4_000);
    world.brokerFaults.comeBack();
    const paused = world.start();
    paused.worker.pause();
    expect(paused.worker.state).toBe("paused");
    await timeOf(world, paused.worker.close());
    paused.worker.resume();
    expect(paused.worker.state).toBe("closed");
    await expect(paused.worker.close({ graceMs: -1 })).rejects.toThrowError(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });

  test("a paused worker finishes running work and claims nothing new, also after an outage", async (world) => {
    const worker = await world.startRunning();
    worker.worker.pause();
    expect(worker.worker.state).toBe("paused");
    await world.request("b");
    worker.run.finish(DONE);
    await world.until(async () => (await world.status("a")) === "done");
    world.brokerFaults.dropConnections();
    world.storeFaults.goAway();
    await world.pass(60_000);
    world.storeFaults.comeBack();
    await world.pass(10_000);
    expect(worker.runs).toHaveLength(1);
    worker.worker.resume();
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.status("b")).toBe("done");
    expect(worker.worker.state).toBe("running");
  });

  test("messages that the worker looks at again after a restart of the store end with the broker, also if it accepts none", async (world) => {
    const worker = await world.startRunning();
    worker.run.finish({ to: "waiting" });
    await world.settled();
    world.brokerFaults.goAway();
    worker.worker.pause();
    // The worker is paused, so it sends the message that it acknowledged again.
    world.restartStore();
    await world.until(() => worker.eventTypes().includes("error"));
    await timeOf(world, worker.worker.close({ graceMs: 0 }));
    await timeOf(world, worker.broker.close({ graceMs: 0 }));
    await world.pass(10_000);
    const events = worker.events.length;
    await world.pass(10 * 60_000);
    expect(worker.events).toHaveLength(events);
    world.brokerFaults.comeBack();
  });

  test("idle resolves with an empty queue, and does not wait for a retry", async (world) => {
    const worker = world.start();
    expect(await timeOf(world, worker.worker.idle())).toBeLessThan(1_000);
    await world.request("a");
    await world.until(() => worker.runs.length === 1);
    const idle = worker.worker.idle();
    await world.pass(1_000);
    worker.run.fail(new RetryLater("Later.", { afterMs: 60_000 }));
    expect(await timeOf(world, idle)).toBeLessThan(1_000);
  });

  test("idle waits while the broker is unavailable, and honours its signal", async (world) => {
    const worker = world.start();
    await world.pass(100);
    world.brokerFaults.goAway();
    const controller = new AbortController();
    const aborted = worker.worker.idle({ signal: controller.signal });
    const waiting = worker.worker.idle();
    await world.pass(30_000);
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrowError("enough");
    world.brokerFaults.comeBack();
    await timeOf(world, waiting);
  });
}
