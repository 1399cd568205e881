import { expect } from "vitest";
import { type Case, HEARTBEAT_MS, LEASE_MS } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;

export function liveWorkers(test: Case): void {
  test("a worker is listed from its start until it is closed, with its running jobs", async (world) => {
    const worker = await world.startRunning({ version: "1.2.3", concurrency: 2, by: "renderer" });
    await world.until(async () => (await world.store.workers())[0]?.running.length === 1);
    expect(await world.store.workers()).toEqual([
      {
        by: "renderer",
        queue: "renderings",
        host: expect.any(String),
        pid: process.pid,
        version: "1.2.3",
        state: "running",
        concurrency: 2,
        running: ["a"],
        startedAt: expect.any(Date),
        seenAt: expect.any(Date),
      },
    ]);
    const other = world.start();
    await world.until(async () => (await world.store.workers()).length === 2);
    const closed = worker.worker.close();
    worker.run.finish(DONE);
    await world.until(async () => (await world.store.workers()).length === 1);
    expect(await world.store.workers()).toMatchObject([{ version: null, running: [] }]);
    await closed;
    expect(other.eventTypes()).toEqual([]);
    await world.settled();
  });

  test("a worker without a message learns from its heartbeat that the queue is paused", async (world) => {
    const worker = world.start();
    await world.until(() => worker.worker.state === "running");
    await world.store.pauseQueue("renderings");
    await world.until(() => worker.worker.state === "paused");
    await world.until(async () => (await world.store.workers())[0]?.state === "paused");
    await world.store.resumeQueue("renderings");
    await world.until(() => worker.worker.state === "running");
    await world.until(async () => (await world.store.workers())[0]?.state === "running");
  });

  test("a worker announces at once that it waits for the broker, and that it consumes again", async (world) => {
    const worker = world.start();
    const announces = async (state: typeof worker.worker.state) => {
      await world.until(() => worker.worker.state === state);
      await world.until(async () => (await world.store.workers())[0]?.state === state, HEARTBEAT_MS / 2);
    };
    await announces("running");
    world.brokerFaults.goAway();
    await announces("waiting");
    await world.store.create({ title: "A film" }, { id: "a" });
    const text = 'No live worker consumes the queue "renderings": the only one waits for the message broker.';
    expect(await world.store.explain("a")).toMatchObject([{ code: "NO_WORKER", text }]);
    world.brokerFaults.comeBack();
    await announces("running");
    expect(await world.store.explain("a")).toEqual([]);
  });

  test("a dead worker is listed for five heartbeats, and health then warns of the jobs that it would take", async (world) => {
    const worker = await world.startRunning();
    await world.request("b");
    await worker.crash();
    await world.pass(LEASE_MS - HEARTBEAT_MS - 1_000);
    expect(await world.store.workers()).toHaveLength(1);
    await world.until(async () => (await world.store.workers()).length === 0, HEARTBEAT_MS + 2_000);
    await world.pass(300_000);
    const warning = expect.stringMatching(
      /^Jobs have waited in status "pending" for up to 5 min, and no live worker takes them\./,
    );
    expect((await world.store.health()).warnings).toContainEqual(warning);
    const next = world.start({ concurrency: 2 });
    await world.until(() => next.runs.length === 2);
    expect((await world.store.health()).warnings).toEqual([]);
    for (const run of next.runs) run.finish(DONE);
    await world.settled();
  });
}
