import { expect } from "vitest";
import { message } from "../../src/index.js";
import { createWorker } from "../../src/worker.js";
import { type Case, encodings, HEARTBEAT_MS, LEASE_MS, requestOf } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;

export function copies(test: Case): void {
  test("a worker runs a job, stores its outcome, and acknowledges the message", async (world) => {
    const worker = world.start();
    await world.request("a");
    await world.until(() => worker.runs.length === 1);
    expect(worker.run.job).toMatchObject({ id: "a", status: "rendering", data: { title: "a" } });
    expect(worker.run.context).toMatchObject({ attempt: 1, lastAttempt: false, message: { payload: { jobId: "a" } } });
    worker.run.finish(DONE);
    await world.until(async () => (await world.messages()) === 0);
    expect(await world.store.get("a")).toMatchObject({ status: "done", result: { url: "/a" }, leasedUntil: null });
    expect(worker.eventTypes()).toEqual(["done"]);
  });

  test("two copies of one message in two processes cause one run", async (world) => {
    const [first, second] = [world.start(), world.start()];
    await world.store.create({ title: "a" }, { id: "a" });
    await world.publish("a", "m");
    await world.publish("a", "m");
    await world.until(() => first.events.length + second.events.length === 2);
    expect(first.runs.length + second.runs.length).toBe(1);
    const [runner, other] = first.runs.length === 1 ? [first, second] : [second, first];
    expect(other.events).toMatchObject([{ type: "skipped", reason: "leased", jobId: "a", messageId: "m" }]);
    runner.run.finish({ to: "pending" });
    await world.until(async () => (await world.messages()) === 0);
    await world.pass(LEASE_MS);
    expect(first.runs.length + second.runs.length).toBe(1);
  });

  test("two copies in one process with two slots cause one run", async (world) => {
    const worker = world.start({ concurrency: 2 });
    await world.store.create({ title: "a" }, { id: "a" });
    await world.publish("a", "m");
    await world.publish("a", "m");
    await world.until(() => worker.events.length === 2);
    worker.run.finish({ to: "pending" });
    await world.until(async () => (await world.messages()) === 0);
    await world.pass(LEASE_MS);
    expect(worker.runs).toHaveLength(1);
    expect(worker.eventTypes()).toEqual(["skipped", "done"]);
  });

  test("a lost RabbitMQ connection aborts and repeats no run", async (world) => {
    const [first, second] = [world.start(), world.start()];
    await world.request("a");
    await world.until(() => first.runs.length + second.runs.length === 1);
    const runner = first.runs.length === 1 ? first : second;
    const { signal } = runner.run.context;
    world.brokerFaults.dropConnections();
    await world.pass(2 * HEARTBEAT_MS);
    expect(signal.aborted).toBe(false);
    runner.run.finish(DONE);
    await world.until(async () => (await world.messages()) === 0);
    expect(first.runs.length + second.runs.length).toBe(1);
    expect(await world.status("a")).toBe("done");
  });

  test("the job of a dead process continues when its lease ends, and uses no attempt", async (world) => {
    const first = world.start();
    await world.request("a");
    await world.until(() => first.runs.length === 1);
    const second = world.start();
    await first.crash();
    await world.until(() => second.runs.length === 1, LEASE_MS + 2_000);
    expect(second.run.context).toMatchObject({ attempt: 1 });
    second.run.finish(DONE);
    await world.until(async () => (await world.status("a")) === "done");
  });

  test("a blocked process keeps its job if no other worker claims it", async (world) => {
    const worker = world.start();
    await world.request("a");
    await world.until(() => worker.runs.length === 1);
    await world.stopRelay();
    worker.block();
    await world.pass(10 * HEARTBEAT_MS);
    worker.run.finish(DONE);
    await world.pass(100);
    worker.wake();
    world.startRelay();
    await world.until(async () => (await world.messages()) === 0);
    await world.pass(LEASE_MS);
    expect(worker.runs).toHaveLength(1);
    expect(await world.status("a")).toBe("done");
  });

  test("the job of a blocked process is run by another one, and the first one stores nothing", async (world) => {
    const first = world.start();
    await world.request("a");
    await world.until(() => first.runs.length === 1);
    const second = world.start();
    first.block();
    await world.until(() => second.runs.length === 1, LEASE_MS + 2_000);
    first.wake();
    await world.until(() => first.run.context.signal.aborted, HEARTBEAT_MS);
    expect(first.run.context.signal.reason).toMatchObject({ name: "JobStoreError", code: "CONFLICT" });
    first.run.finish({ to: "failed" });
    second.run.finish(DONE);
    await world.until(async () => (await world.status("a")) === "done");
    await world.until(async () => (await world.messages()) === 0);
    expect(first.eventTypes()).toEqual(["lost", "skipped"]);
    expect(first.events.at(1)).toMatchObject({ to: "rendering", version: 3, jobId: "a" });
  });

  test("a job that an earlier stage handed over is claimed at once", async (world) => {
    const statuses: string[] = [];
    const worker = world.start();
    await world.request("a");
    await world.until(() => worker.runs.length === 1);
    const encoder = createWorker({
      store: world.store,
      broker: world.broker,
      queue: encodings,
      from: "encoding",
      working: "encoding",
      run: async (job) => {
        statuses.push(job.status);
        return { to: "done" };
      },
    });
    worker.run.finish({ to: "encoding", outbox: [message(encodings, { jobId: "a" })] });
    await world.until(async () => (await world.status("a")) === "done", 1_000);
    expect(statuses).toEqual(["encoding"]);
    const closing = encoder.close();
    await world.pass(10);
    await closing;
  });

  test("every delivery reaches the store, also one whose id was acknowledged before", async (world) => {
    const worker = world.start();
    await world.request("a");
    await world.until(() => worker.runs.length === 1);
    worker.run.finish({ to: "pending", outbox: [{ ...requestOf("a"), id: "a.1.0" }] });
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(DONE);
    await world.until(async () => (await world.status("a")) === "done");
    expect(worker.runs.map(({ context }) => context.message.id)).toEqual(["a.1.0", "a.1.0"]);
  });

  test("after a restart that lost a claim and its outcome, the worker runs the job again", async (world) => {
    const worker = world.start();
    await world.request("a");
    await world.until(() => worker.runs.length === 1);
    const before = await world.store.get("a");
    worker.run.finish(DONE);
    await world.settled();
    await world.pass(4_000);
    // The time of an outage does not count.
    world.storeFaults.goAway();
    await world.pass(60_000);
    world.storeFaults.comeBack();
    await world.store.delete("a");
    await world.store.save({ ...nonNull(before), status: "pending", version: 1, leasedUntil: null, history: [] });
    world.restartStore();
    await world.until(() => worker.runs.length === 2, 1_000);
    worker.run.finish(DONE);
    await world.settled();
    expect(await world.status("a")).toBe("done");
  });

  test("after a restart that lost nothing, no work is repeated, and older messages are not looked at", async (world) => {
    const worker = world.start();
    await world.request("a");
    await world.until(() => worker.runs.length === 1);
    worker.run.finish({ to: "waiting" });
    await world.settled();
    await world.pass(1_000);
    world.restartStore();
    await world.pass(1_000);
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "handled" });
    await world.pass(6_000);
    world.restartStore();
    await world.pass(1_000);
    expect(worker.eventTypes()).toEqual(["done", "skipped"]);
    expect(worker.runs).toHaveLength(1);
  });
}

function nonNull<T>(value: T | null): T {
  if (value === null) throw new Error("The value is missing.");
  return value;
}
