import { expect } from "vitest";
import { RetryLater } from "../../src/worker.js";
import { type Case, HEARTBEAT_MS, LEASE_MS, renderings, requestOf, type World } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;
const WAITING = { to: "waiting" } as const;

/** Lets enough time pass for a message of a lease to be sent again, and expects this number of runs. */
async function expectRuns(world: World, runs: readonly unknown[], count: number) {
  await world.settled();
  await world.pass(2 * LEASE_MS);
  await world.settled();
  expect(runs).toHaveLength(count);
}

export function lateRequests(test: Case): void {
  const waits: readonly (readonly [string, () => Error, number])[] = [
    ["a postponed job", () => new RetryLater("Later.", { afterMs: 20_000 }), 20_000],
    ["a job that waits for a retry", () => new Error("broken"), 1_000],
  ];
  for (const [name, createError, waitMs] of waits) {
    for (const [when, beforeMs] of [
      ["in the middle of its lease", waitMs / 2],
      ["one millisecond before its lease ends", 1],
    ] as const) {
      test(`a request for ${name}, ${when}, is answered by one more run`, async (world) => {
        const worker = await world.startRunning({ concurrency: 2 });
        worker.run.fail(createError());
        await world.until(() => worker.events.length === 2);
        const ends = Number((await world.store.get("a"))?.leasedUntil);
        await world.pass(ends - Date.now() - beforeMs);
        await world.publish("a", "direct");
        await world.until(() => worker.runs.length === 2, 22_000);
        worker.run.finish(WAITING);
        await expectRuns(world, worker.runs, 2);
      });
    }

    for (const [when, isSent] of [
      ["before the relay reads the outbox", false],
      ["after the relay has read the message that is sent again", true],
    ] as const) {
      test(`a request for ${name} that arrives when the lease has ended, ${when}, is answered together with it`, async (world) => {
        const worker = await world.startRunning({ concurrency: 2 });
        worker.run.fail(createError());
        await world.until(() => worker.events.length === 2);
        await world.stopRelay();
        await world.pass(Number((await world.store.get("a"))?.leasedUntil) - Date.now());
        if (isSent) expect(await world.store.outbox.read({ claimMs: 1 })).toHaveLength(1);
        await world.publish("a", "direct");
        await world.until(() => worker.runs.length === 2);
        world.startRelay();
        await world.pass(2_000);
        expect(worker.events.filter(({ reason }) => reason === "leased")).toHaveLength(isSent ? 1 : 0);
        worker.run.finish(WAITING);
        await expectRuns(world, worker.runs, 2);
      });
    }
  }

  test("two messages of one change cause one run", async (world) => {
    const worker = world.start({ concurrency: 2 });
    await world.store.create({ title: "a" }, { id: "a", outbox: [requestOf("a"), requestOf("a")] });
    await world.until(() => worker.runs.length === 1);
    await world.until(() => worker.events.length === 2);
    worker.run.finish(WAITING);
    await expectRuns(world, worker.runs, 1);
  });

  test("the second message of a change that arrives after the outcome is handled", async (world) => {
    const worker = world.start();
    await world.store.create({ title: "a" }, { id: "a", outbox: [requestOf("a"), requestOf("a")] });
    await world.until(() => worker.runs.length === 1);
    worker.run.finish(WAITING);
    await expectRuns(world, worker.runs, 1);
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "handled" });
  });

  test("a delayed message that becomes due after a newer one was handled claims the job", async (world) => {
    const worker = world.start();
    const outbox = [{ ...requestOf("a"), delayMs: 60_000 }];
    await world.store.create({ title: "a" }, { id: "a", outbox });
    await world.store.updateStatus("a", "rendering");
    await world.store.updateStatus("a", "pending", { outbox: [requestOf("a")] });
    await world.until(() => worker.runs.length === 1);
    worker.run.finish(WAITING);
    await world.settled();
    expect(worker.runs).toHaveLength(1);
    await world.until(() => worker.runs.length === 2, 61_000);
    expect(worker.run.job.status).toBe("rendering");
    worker.run.finish(DONE);
    await expectRuns(world, worker.runs, 2);
  });

  test("a delayed message that becomes due during a run claims the job once more, if it is in `from` again", async (world) => {
    const worker = world.start({ concurrency: 2 });
    const outbox = [requestOf("a"), { ...requestOf("a"), delayMs: 5_000 }];
    await world.store.create({ title: "a" }, { id: "a", outbox });
    await world.until(() => worker.runs.length === 1);
    await world.pass(7_000);
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "leased" });
    worker.run.finish(WAITING);
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(WAITING);
    await expectRuns(world, worker.runs, 2);
  });

  test("a delayed message that arrives late, after the outcome of a run during which it was due, claims the job", async (world) => {
    const worker = world.start();
    const outbox = [requestOf("a"), { ...requestOf("a"), delayMs: 5_000 }];
    await world.store.create({ title: "a" }, { id: "a", outbox });
    await world.until(() => worker.runs.length === 1);
    // The only slot is occupied, so the message waits in the queue.
    await world.pass(7_000);
    worker.run.finish(WAITING);
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(WAITING);
    await expectRuns(world, worker.runs, 2);
  });

  test("a redelivered message without an origin is skipped after its outcome led back to `from`", async (world) => {
    const worker = world.start();
    await world.store.create({ title: "a" }, { id: "a" });
    await world.store.create({ title: "child" }, { id: "child", outbox: [{ ...requestOf("a"), id: "of-child" }] });
    await world.until(() => worker.runs.length === 1);
    const { id, origin } = worker.run.context.message;
    worker.run.finish(WAITING);
    await world.settled();
    await world.broker.publish(renderings, { jobId: "a" }, { id, origin });
    await expectRuns(world, worker.runs, 1);
    await world.publish("a", "direct");
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(WAITING);
    await world.settled();
    await world.publish("a", "direct");
    await world.publish("a", "of-child");
    await expectRuns(world, worker.runs, 2);
    expect(worker.events.filter(({ reason }) => reason === "handled")).toHaveLength(3);
  });

  test("a re-entry of the working status with a message during a run causes one more run", async (world) => {
    const worker = await world.startRunning();
    await world.store.updateStatus("a", "rendering", { by: "user", outbox: [requestOf("a")] });
    await world.until(() => worker.run.context.signal.aborted, HEARTBEAT_MS);
    worker.run.fail(worker.run.context.signal.reason);
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(WAITING);
    await expectRuns(world, worker.runs, 2);
    expect(worker.eventTypes()).toEqual(["lost", "done", "skipped"]);
  });

  test("a lease that was given again continues the job when its worker dies, although the message was skipped", async (world) => {
    const blocked = await world.startRunning();
    const other = world.start();
    blocked.worker.pause();
    blocked.block();
    await world.stopRelay();
    await world.pass(LEASE_MS + HEARTBEAT_MS);
    // The lease has ended, and its message is in the outbox. The worker wakes before it is published.
    expect(await world.store.outbox.read({ claimMs: 1 })).toHaveLength(1);
    blocked.wake();
    await world.pass(HEARTBEAT_MS);
    world.startRelay();
    await world.until(() => other.events.length === 1);
    expect(other.events).toMatchObject([{ type: "skipped", reason: "leased" }]);
    await blocked.crash();
    await world.until(() => other.runs.length === 1, LEASE_MS + 2_000);
    other.run.finish(DONE);
    await world.settled();
    expect(await world.status("a")).toBe("done");
  });

  test("a failed attempt of a worker that wakes is retried by another one when it dies", async (world) => {
    const blocked = await world.startRunning();
    const other = world.start();
    blocked.worker.pause();
    blocked.block();
    await world.stopRelay();
    await world.pass(LEASE_MS + 1_000);
    expect(await world.store.outbox.read({ claimMs: 1 })).toHaveLength(1);
    blocked.run.fail(new Error("broken"));
    blocked.wake();
    await world.until(() => blocked.eventTypes().includes("retrying"), 100);
    await blocked.crash();
    world.startRelay();
    await world.until(() => other.runs.length === 1, 3_000);
    expect(other.run.context.attempt).toBe(2);
    other.run.finish(DONE);
    await expectRuns(world, other.runs, 1);
  });

  test("a claim answers both requests that arrived during a run whose lease ended at its time", async (world) => {
    const dead = await world.startRunning({ concurrency: 2 });
    await world.publish("a", "first");
    await world.publish("a", "second");
    await world.until(() => dead.events.length === 3);
    await dead.crash();
    const worker = world.start();
    await world.until(() => worker.runs.length === 1, LEASE_MS + 2_000);
    worker.run.finish(WAITING);
    await expectRuns(world, worker.runs, 1);
  });

  test("a request during a run is answered, although the lease ended before the outcome was stored", async (world) => {
    const worker = await world.startRunning({ concurrency: 2 });
    await world.publish("a", "direct");
    await world.until(() => worker.events.length === 2);
    // A process that reaches the store, so that time counts for the lease.
    world.start().worker.pause();
    worker.worker.pause();
    worker.block();
    await world.stopRelay();
    await world.pass(LEASE_MS + 1_000);
    expect(await world.store.outbox.read({ claimMs: 1 })).toHaveLength(1);
    worker.run.finish(WAITING);
    worker.wake();
    await world.until(async () => (await world.status("a")) === "waiting", 100);
    world.startRelay();
    worker.worker.resume();
    await world.until(() => worker.runs.length === 2);
    worker.run.finish(WAITING);
    await expectRuns(world, worker.runs, 2);
  });

  test("a hanging run returns its message with the origin of its claim, so that it does not start the next run", async (world) => {
    const worker = world.start();
    await world.store.create({ title: "a" }, { id: "a" });
    await world.publish("a", "direct");
    await world.until(() => worker.runs.length === 1);
    await world.store.updateStatus("a", "cancelled");
    await world.store.updateStatus("a", "pending");
    const other = world.start();
    await world.until(() => other.events.length === 1, HEARTBEAT_MS + 6_000);
    expect(other.events).toMatchObject([{ type: "skipped", reason: "outdated", messageId: "direct" }]);
    expect(await world.status("a")).toBe("pending");
    worker.run.finish(WAITING);
    await expectRuns(world, other.runs, 0);
  });
}
