import { expect } from "vitest";
import { z } from "zod";
import { defineQueue, message } from "../../src/index.js";
import { type Case, LEASE_MS, renderings } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;
/** Queue whose workers need more than a job id. */
const strict = defineQueue({ name: renderings.name, payload: z.object({ jobId: z.string(), size: z.number() }) });
/** Queue of the next release. */
const newer = defineQueue({
  name: renderings.name,
  payload: z.object({ jobId: z.string(), size: z.number() }),
  retryDelaysMs: renderings.retryDelaysMs,
  version: 2,
  upcast: { 1: (old) => ({ ...z.object({ jobId: z.string() }).parse(old), size: 1 }) },
});

export function letters(test: Case): void {
  test("an unreadable message fails the job that stored it, and is kept as a dead letter", async (world) => {
    const worker = world.start({ queue: strict });
    await world.request("a");
    await world.until(async () => (await world.broker.stats(renderings)).dead === 1);
    expect(await world.store.get("a")).toMatchObject({
      status: "failed",
      error: { code: "INVALID_PAYLOAD", retryable: false },
    });
    expect(worker.eventTypes()).toEqual(["failed", "error"]);
  });

  test("an unreadable message without an origin fails no job", async (world) => {
    world.start({ queue: strict });
    await world.store.create({ title: "a" }, { id: "a" });
    await world.publish("a");
    await world.until(async () => (await world.broker.stats(renderings)).dead === 1);
    expect(await world.status("a")).toBe("pending");
  });

  test("an unreadable message of another job fails neither", async (world) => {
    world.start({ queue: strict });
    await world.store.create({ title: "a" }, { id: "a" });
    await world.store.create({ title: "b" }, { id: "b", outbox: [message(renderings, { jobId: "a" })] });
    await world.until(async () => (await world.broker.stats(renderings)).dead === 1);
    expect([await world.status("a"), await world.status("b")]).toEqual(["pending", "pending"]);
  });

  test("an unreadable message of a job with a lease is examined again", async (world) => {
    const worker = await world.startRunning();
    worker.worker.pause();
    const other = world.start({ queue: strict });
    // Origin of a message that became due after the claim. The claim of the running job does not cover it.
    const origin: unknown[] = JSON.parse(worker.run.context.message.origin ?? "[]");
    origin[6] = Date.now() + 1;
    await world.broker.publish(renderings, { jobId: "a" }, { origin: JSON.stringify(origin) });
    await world.pass(20_000);
    expect(other.eventTypes()).toEqual([]);
    // While the message is postponed again, there are two copies of it for a moment.
    await world.until(async () => (await world.messages()) === 2);
    worker.run.finish(DONE);
    await world.until(async () => (await world.broker.stats(renderings)).dead === 1);
    expect(await world.status("a")).toBe("done");
  });

  test("a payload of a newer version waits for a newer worker, without an attempt", async (world) => {
    const old = world.start();
    await world.store.create({ title: "a" }, { id: "a" });
    await world.broker.publish(newer, { jobId: "a", size: 3 });
    await world.pass(10 * 60_000);
    expect(await world.broker.stats(renderings)).toMatchObject({ dead: 0 });
    expect(old.eventTypes()).toEqual([]);
    const closed = old.worker.close();
    await world.pass(100);
    await closed;
    const worker = world.start({ queue: newer });
    await world.until(() => worker.runs.length === 1, 20_000);
    expect(worker.run.context).toMatchObject({ attempt: 1, message: { payload: { jobId: "a", size: 3 } } });
    worker.run.finish(DONE);
    await world.settled();
  });

  test("a payload of a newer version is unreadable after fifteen minutes", async (world) => {
    world.start();
    await world.store.create({ title: "a" }, { id: "a", outbox: [] });
    await world.broker.publish(newer, { jobId: "a", size: 3 });
    await world.pass(14 * 60_000);
    expect(await world.broker.stats(renderings)).toMatchObject({ dead: 0 });
    await world.pass(2 * 60_000);
    expect(await world.broker.stats(renderings)).toMatchObject({ dead: 1 });
  });

  test("an older payload is sent again as it was stored, after its worker died", async (world) => {
    const first = world.start({ queue: newer });
    await world.request("a");
    await world.until(() => first.runs.length === 1);
    expect(first.run.context.message.payload).toEqual({ jobId: "a", size: 1 });
    await first.crash();
    const old = world.start();
    await world.until(() => old.runs.length === 1, LEASE_MS + 2_000);
    expect(old.run.context.message.payload).toEqual({ jobId: "a" });
  });

  test("a message that the broker dead-lettered by itself fails its job, and is discarded", async (world) => {
    await world.request("a");
    await world.deadLetterByBroker();
    const worker = world.start({ recoverEveryMs: 5_000 });
    await world.until(async () => (await world.status("a")) === "failed", 15_000);
    expect(await world.store.get("a")).toMatchObject({ error: { code: "DEAD_LETTERED", retryable: true } });
    await world.settled();
    expect(worker.eventTypes()).toEqual(["recovered"]);
  });

  test("a dead letter of an earlier run, or of a job that was claimed since, fails nothing", async (world) => {
    await world.request("a");
    await world.deadLetterByBroker();
    await world.store.updateStatus("a", "cancelled");
    await world.store.updateStatus("a", "pending");
    await world.request("b");
    await world.deadLetterByBroker();
    const worker = world.start({ recoverEveryMs: 5_000 });
    await world.publish("b");
    await world.until(() => worker.runs.length === 1);
    await world.until(async () => (await world.broker.stats(renderings)).dead === 1, 15_000);
    await world.pass(20_000);
    expect(await world.broker.stats(renderings)).toMatchObject({ dead: 1 });
    worker.run.finish({ to: "waiting" });
    await world.until(async () => (await world.status("b")) === "waiting" && worker.eventTypes().length === 2);
    expect(await world.status("a")).toBe("pending");
    expect(worker.eventTypes()).toEqual(["recovered", "done"]);
  });

  test("five workers in succession that die fail their job", async (world) => {
    await world.request("a");
    for (let death = 0; death < 5; death++) {
      const worker = world.start();
      await world.until(() => worker.runs.length === 1, LEASE_MS + 2_000);
      expect(worker.run.context.attempt).toBe(1);
      await worker.crash();
    }
    const last = world.start();
    await world.until(async () => (await world.status("a")) === "failed", LEASE_MS + 2_000);
    expect(await world.store.get("a")).toMatchObject({ error: { code: "WORKER_LOST", retryable: true } });
    expect(last.runs).toHaveLength(0);
    await world.settled();
  });
}
