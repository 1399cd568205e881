import { createJobStore } from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import { expect } from "vitest";
import { type Case, films, HEARTBEAT_MS, LEASE_MS, renderings, requestOf, type World } from "./world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;

/** Cancels the job "a" and requests it again. */
async function retry(world: World) {
  await world.store.updateStatus("a", "cancelled");
  await world.store.updateStatus("a", "pending", { outbox: [requestOf("a")] });
}

/** Lets enough time pass for a message of a lease to be sent again, and expects this number of runs. */
async function expectRuns(world: World, runs: readonly unknown[], count: number) {
  await world.settled();
  await world.pass(2 * LEASE_MS);
  await world.settled();
  expect(runs).toHaveLength(count);
}

export function runs(test: Case): void {
  test("the message of a cancelled run is outdated after a retry, and the new run has its own attempts", async (world) => {
    const worker = await world.startRunning();
    const old = worker.run.context.message;
    worker.run.fail(new Error("broken"));
    await world.settled();
    await retry(world);
    await world.until(() => worker.runs.length === 2);
    expect(worker.run.job.attempt).toBe(2);
    expect(worker.run.context.attempt).toBe(1);
    worker.run.finish(DONE);
    await world.settled();
    await world.broker.publish(renderings, { jobId: "a" }, { id: old.id, origin: old.origin });
    await expectRuns(world, worker.runs, 2);
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "outdated" });
    const statuses = (await world.store.get("a"))?.history.map(({ to }) => to);
    expect(statuses?.filter((to) => to === "cancelled" || to === "done")).toEqual(["cancelled", "done"]);
  });

  test("the message of an earlier run does not abort the present one, and is not remembered", async (world) => {
    const worker = await world.startRunning({ concurrency: 2 });
    const old = worker.run.context.message;
    worker.run.finish({ to: "waiting" });
    await world.settled();
    await retry(world);
    await world.until(() => worker.runs.length === 2);
    await world.broker.publish(renderings, { jobId: "a" }, { id: old.id, origin: old.origin });
    await world.until(() => worker.events.at(-1)?.type === "skipped");
    expect(worker.events.at(-1)).toMatchObject({ reason: "outdated" });
    await world.pass(2 * HEARTBEAT_MS);
    expect(worker.run.context.signal.aborted).toBe(false);
    worker.run.finish({ to: "waiting" });
    await expectRuns(world, worker.runs, 2);
  });

  test("the message of a deleted job does not start the job that is created again in the same millisecond", async (world) => {
    const worker = world.start();
    worker.worker.pause();
    await world.request("a");
    await world.until(async () => (await world.messages()) === 1);
    const before = await world.store.get("a");
    await world.store.delete("a");
    const { job } = await world.store.create({ title: "a" }, { id: "a" });
    expect(Number(job.createdAt)).toBeGreaterThan(Number(before?.createdAt));
    worker.worker.resume();
    await expectRuns(world, worker.runs, 0);
    expect(worker.events).toMatchObject([{ type: "skipped", reason: "outdated" }]);
    expect(await world.store.get("a")).toEqual(job);
  });

  test("the rules follow the origin of a message, not its id", async (world) => {
    const worker = world.start({ concurrency: 2 });
    // The id is the default id of a message of another job.
    await world.store.create({ title: "a" }, { id: "a", outbox: [{ ...requestOf("a"), id: "b.1.0" }] });
    await world.until(() => worker.runs.length === 1);
    await world.store.create({ title: "b" }, { id: "b", outbox: [requestOf("b")] });
    await world.until(() => worker.runs.length === 2);
    expect(worker.runs.map(({ job, context }) => [job.id, context.message.id])).toEqual([
      ["a", "b.1.0"],
      ["b", "b.1.0"],
    ]);
    for (const run of worker.runs) run.finish({ to: "waiting" });
    await world.settled();
    // A message of a later change has the same id, and is another request.
    await world.store.updateStatus("a", "pending", { outbox: [{ ...requestOf("a"), id: "b.1.0" }] });
    await world.until(() => worker.runs.length === 3);
    worker.run.finish({ to: "waiting" });
    await world.settled();
    // A direct message has no origin, whatever its id looks like.
    await world.publish("a", "a.1.0");
    await world.until(() => worker.runs.length === 4);
    worker.run.finish(DONE);
    await expectRuns(world, worker.runs, 4);
  });

  for (const historyLimit of [0, 1]) {
    test(`historyLimit ${historyLimit}: copies, retries and earlier runs are recognized`, async (world) => {
      const store = world.open({ historyLimit });
      const worker = world.start({ store, concurrency: 2 });
      await store.create({ title: "a" }, { id: "a", outbox: [requestOf("a")] });
      await world.until(() => worker.runs.length === 1);
      const old = worker.run.context.message;
      const copy = () => world.broker.publish(renderings, { jobId: "a" }, { id: old.id, origin: old.origin });
      await copy();
      worker.run.fail(new Error("broken"));
      await world.until(() => worker.runs.length === 2);
      expect(worker.run.context.attempt).toBe(2);
      world.storeFaults.loseReplies();
      worker.run.finish({ to: "waiting" });
      await world.until(() => worker.eventTypes().includes("done"));
      await copy();
      await expectRuns(world, worker.runs, 2);
      expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "handled" });
      await store.updateStatus("a", "cancelled");
      await store.updateStatus("a", "pending", { outbox: [requestOf("a")] });
      await world.until(() => worker.runs.length === 3);
      await copy();
      worker.run.finish(DONE);
      await expectRuns(world, worker.runs, 3);
      expect(worker.eventTypes()).not.toContain("lost");
      expect(worker.events.filter(({ reason }) => reason === "outdated")).toHaveLength(1);
    });
  }

  test("a redriven letter and a requeued entry of a handled message are skipped", async (world) => {
    await world.request("a");
    await world.deadLetterByBroker();
    const [letter] = await world.broker.deadLetters(renderings);
    const worker = world.start({ recoverEveryMs: 0 });
    await world.broker.publish(renderings, { jobId: "a" }, { id: letter?.id, origin: letter?.origin });
    await world.until(() => worker.runs.length === 1);
    worker.run.finish({ to: "waiting" });
    await world.until(() => worker.eventTypes().includes("done"));
    await world.broker.redrive(renderings);
    await expectRuns(world, worker.runs, 1);
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "handled" });
  });

  test("a redriven letter of an earlier run is skipped", async (world) => {
    await world.request("a");
    await world.deadLetterByBroker();
    const worker = world.start({ recoverEveryMs: 0 });
    await retry(world);
    await world.until(() => worker.runs.length === 1);
    worker.run.finish({ to: "waiting" });
    await world.pass(1_000);
    await world.broker.redrive(renderings);
    await expectRuns(world, worker.runs, 1);
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "outdated" });
  });

  test("a requeued entry of an earlier run is skipped", async (world) => {
    await world.stopRelay();
    await world.request("a");
    const entryIds = (await world.store.outbox.read()).map(({ entryId }) => entryId);
    await world.store.outbox.reject(entryIds, "The queue was misspelled.");
    await retry(world);
    await world.store.outbox.requeue(entryIds);
    const worker = world.start();
    world.startRelay();
    await world.until(() => worker.runs.length === 1);
    worker.run.finish({ to: "waiting" });
    await expectRuns(world, worker.runs, 1);
    expect(worker.events.map(({ reason }) => reason)).toContain("outdated");
  });

  test("a message of a job with the same id in another store requests the job, also in a later run", async (world) => {
    const parts = createJobStore({ job: { ...films, name: "part" }, driver: memoryDriver() });
    await parts.create({ title: "part" }, { id: "a", outbox: [requestOf("a")] });
    const [entry] = await parts.outbox.read();
    const worker = await world.startRunning();
    worker.run.finish({ to: "waiting" });
    await world.settled();
    await retry(world);
    await world.until(() => worker.runs.length === 2);
    worker.run.finish({ to: "waiting" });
    await world.settled();
    await world.broker.publish(renderings, { jobId: "a" }, { id: "of-part", origin: entry?.origin });
    await world.until(() => worker.runs.length === 3);
    worker.run.finish(DONE);
    await expectRuns(world, worker.runs, 3);
    await parts.close();
  });
}
