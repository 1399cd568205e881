import { JobStoreError } from "@subtitles/job-store";
import { expect } from "vitest";
import { type Case, HEARTBEAT_MS, LEASE_MS } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;

export function timeLimits(test: Case): void {
  test("a run that ignores its time limit occupies its slot, and the attempt fails", async (world) => {
    const worker = await world.startRunning({ timeoutMs: 10_000, concurrency: 2 });
    const [hanging] = worker.runs;
    const { signal } = hanging?.context ?? {};
    await world.pass(9_900);
    expect(signal?.aborted).toBe(false);
    await world.pass(200);
    expect(signal?.reason).toMatchObject({ name: "QueueError", code: "TIMEOUT" });
    await world.pass(4_700);
    expect(worker.eventTypes()).toEqual([]);
    await world.pass(300);
    expect(worker.eventTypes()).toEqual(["stuck", "retrying"]);
    expect(worker.worker.active).toBe(1);
    await world.until(() => worker.runs.length === 2, 3_000);
    expect(worker.run.context.attempt).toBe(2);
    // The second slot works on, and the first one stays occupied.
    worker.run.finish({ to: "waiting" });
    for (const id of ["b", "c"]) await world.request(id);
    await world.until(() => worker.runs.length === 3);
    await world.pass(120_000);
    expect(worker.runs).toHaveLength(3);
    expect(worker.eventTypes().filter((type) => type === "stuck").length).toBeGreaterThanOrEqual(3);
    hanging?.finish(DONE);
    await world.until(() => worker.runs.length === 4);
    expect(await world.status("a")).toBe("waiting");
  });

  test("an outcome within five seconds after the time limit is stored", async (world) => {
    const worker = await world.startRunning({ timeoutMs: 10_000 });
    await world.pass(11_000);
    expect(worker.run.context.signal.aborted).toBe(true);
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.eventTypes()).toEqual(["done"]);
    expect(await world.status("a")).toBe("done");
  });

  test("the reason of the time limit, thrown by the run, is a failed attempt also after an outage", async (world) => {
    const worker = await world.startRunning({ timeoutMs: 10_000 });
    world.brokerFaults.dropConnections();
    await world.pass(10_100);
    worker.run.fail(worker.run.context.signal.reason);
    await world.until(() => worker.eventTypes().includes("retrying"));
    expect(worker.runs).toHaveLength(1);
  });

  test("the time limit does not count the wait for the store", async (world) => {
    const worker = await world.startRunning({ timeoutMs: 10_000 });
    await world.pass(5_000);
    world.storeFaults.goAway();
    const saved = worker.run.context.checkpoint({ percent: 10 });
    await world.pass(60_000);
    world.storeFaults.comeBack();
    await world.pass(3_000);
    await saved;
    expect(worker.run.context.signal.aborted).toBe(false);
    await world.until(() => worker.run.context.signal.aborted, 6_000);
  });

  test("progress is written at most every 250 ms, and the last one together with the outcome", async (world) => {
    const worker = await world.startRunning();
    const percents: number[] = [];
    const watching = (async () => {
      for await (const event of world.store.watch("a"))
        if (event.type === "progress") percents.push(event.progress.percent);
    })();
    for (let percent = 1; percent <= 50; percent++) {
      worker.run.context.progress({ percent });
      await world.pass(10);
    }
    expect(percents.length).toBeGreaterThanOrEqual(2);
    expect(percents.length).toBeLessThanOrEqual(4);
    worker.run.context.progress({ percent: 99 });
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.store.get("a")).toMatchObject({ status: "done", progress: { percent: 99 } });
    worker.run.context.progress({ percent: 100 });
    await world.pass(1_000);
    expect(worker.eventTypes()).toEqual(["done"]);
    await world.store.close();
    await watching;
  });

  test("an outcome with its own progress replaces the reported one", async (world) => {
    const worker = await world.startRunning();
    worker.run.context.progress({ percent: 1 });
    worker.run.context.progress({ percent: 2 });
    worker.run.finish({ ...DONE, progress: { percent: 100 } });
    await world.settled();
    expect(await world.store.get("a")).toMatchObject({ status: "done", progress: { percent: 100 } });
  });

  test("a refused progress is reported, and the job does not fail", async (world) => {
    const worker = await world.startRunning();
    worker.run.context.progress({ percent: 500 });
    await world.pass(10);
    expect(worker.events.at(-1)).toMatchObject({ type: "error", error: { code: "INVALID_DATA" } });
    worker.run.context.progress({ percent: 600 });
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.eventTypes()).toEqual(["error", "error", "done"]);
    expect(await world.status("a")).toBe("done");
  });

  test("a checkpoint is stored when it resolves, and the next attempt receives it", async (world) => {
    const worker = await world.startRunning();
    const refused = worker.run.context.checkpoint({ percent: -1 });
    await expect(refused).rejects.toThrowError(expect.objectContaining({ code: "INVALID_DATA" }));
    await worker.run.context.checkpoint({ percent: 30 });
    expect(await world.store.get("a")).toMatchObject({ progress: { percent: 30 } });
    const second = world.start();
    await worker.crash();
    await world.until(() => second.runs.length === 1, LEASE_MS + 2_000);
    expect(second.run.job.progress).toEqual({ percent: 30 });
  });

  test("a checkpoint of a lost job rejects with the reason of the signal", async (world) => {
    const worker = await world.startRunning();
    await world.store.updateStatus("a", "cancelled", { by: "user" });
    const saved = worker.run.context.checkpoint({ percent: 30 });
    const error = await saved.catch((reason: unknown) => reason);
    expect(JobStoreError.is(error, "CONFLICT")).toBe(true);
    expect(worker.run.context.signal.reason).toBe(error);
  });

  test("a cancelled job is aborted within a heartbeat, and nothing is stored", async (world) => {
    const worker = await world.startRunning();
    const { signal } = worker.run.context;
    await world.store.updateStatus("a", "cancelled", { by: "user" });
    await world.until(() => signal.aborted, HEARTBEAT_MS);
    expect(signal.reason).toMatchObject({ name: "JobStoreError", code: "CONFLICT" });
    worker.run.fail(signal.reason);
    await world.settled();
    expect(await world.store.get("a")).toMatchObject({ status: "cancelled", version: 3 });
    expect(worker.events.slice(1)).toMatchObject([
      { type: "lost", to: "cancelled", version: 3, changedBy: "user" },
      { type: "skipped", reason: "moved" },
    ]);
  });

  test("a deleted job is aborted within a heartbeat", async (world) => {
    const worker = await world.startRunning();
    const { signal } = worker.run.context;
    await world.store.delete("a");
    await world.until(() => signal.aborted, HEARTBEAT_MS);
    expect(signal.reason).toMatchObject({ name: "JobStoreError", code: "NOT_FOUND" });
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.store.get("a")).toBeNull();
    expect(worker.eventTypes()).toEqual(["lost", "skipped"]);
  });

  test("a message of a lost job is published again if the run does not settle within five seconds", async (world) => {
    const worker = await world.startRunning();
    await world.store.updateStatus("a", "pending", { by: "user" });
    const second = world.start();
    await world.until(() => second.runs.length === 1, HEARTBEAT_MS + 6_000);
    second.run.finish(DONE);
    await world.until(async () => (await world.status("a")) === "done");
    expect(worker.worker.active).toBe(1);
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.worker.active).toBe(0);
  });

  test("a job that was moved back to `from` during the run is claimed again", async (world) => {
    const worker = await world.startRunning();
    await world.store.updateStatus("a", "pending", { by: "user" });
    await world.until(() => worker.run.context.signal.aborted, HEARTBEAT_MS);
    worker.run.finish(DONE);
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.eventTypes()).toEqual(["lost", "done"]);
  });

  test("a lost message without an origin does not claim the next run of its job", async (world) => {
    const worker = world.start();
    await world.store.create({ title: "a" }, { id: "a" });
    await world.publish("a");
    await world.until(() => worker.runs.length === 1);
    await world.store.updateStatus("a", "cancelled");
    await world.store.updateStatus("a", "pending");
    await world.until(() => worker.run.context.signal.aborted, HEARTBEAT_MS);
    worker.run.finish(DONE);
    await world.settled();
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "outdated" });
    expect(await world.status("a")).toBe("pending");
  });

  test("the contacts of an idle worker let the lease of a dead one end", async (world) => {
    const dead = await world.startRunning();
    await dead.crash();
    const idle = world.start({ heartbeatMs: 600_000 });
    await world.stopRelay();
    await world.pass(LEASE_MS);
    world.startRelay();
    await world.until(() => idle.runs.length === 1, 2_000);
  });
}
