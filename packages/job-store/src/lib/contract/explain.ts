import { v7 as uuid } from "uuid";
import { expect } from "vitest";
import { defineJob, type Explanation, type JobStore } from "../../index.js";
import type { Context } from "./context.js";
import { jobIn, type Report, report } from "./definitions.js";
import { expectRefusal } from "./expectations.js";
import { claimed, createClaimed, direct, MINUTE } from "./requests.js";
import { workerOf } from "./workers.js";

const codes = async (store: JobStore<Report>, id: string) => (await store.explain(id))?.map(({ code }) => code);

const reason = async (store: JobStore<Report>, id: string, code: Explanation["code"]) =>
  (await store.explain(id))?.find((one) => one.code === code) ?? expect.fail(`no reason ${code}`);

/** Imports a job that has been in its status for two minutes. */
async function importOld(store: JobStore<Report>, status: "waiting" | "working" = "waiting") {
  const { job } = await store.create({ title: "A clock" });
  await store.delete(job.id);
  const at = new Date(job.createdAt.getTime() - 2 * MINUTE);
  const id = uuid();
  await store.save({ ...job, id, status, createdAt: at, statusAt: at, updatedAt: at, history: [] } as never);
  return id;
}

export function explanations({ test }: Context): void {
  test("a job that does not exist has no explanation, and one that ended or was just created needs none", async ({
    store,
  }) => {
    expect(await store.explain("a")).toBeNull();
    for (const status of ["waiting", "done", "failed"] as const) {
      const { id } = await jobIn(store, status);
      expect(await store.explain(id)).toEqual([]);
    }
    await expectRefusal(store.explain("not an id"), "INVALID_ARGUMENT");
  });

  test("UNREADABLE: the record cannot be read", async ({ store, underTest, skip }) => {
    if (underTest.corrupt === undefined) return skip("the storage cannot have an unreadable record");
    await store.create({ title: "One" }, { id: "a" });
    await underTest.corrupt("a");
    const found = await reason(store, "a", "UNREADABLE");
    expect(found.text).toContain("The record of job a cannot be read");
    expect(found.fix).toContain("job-store delete a");
  });

  test("REJECTED: a relay rejected a message, also of a job that has ended", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    const [entry] = await store.outbox.read();
    const entryId = entry?.entryId ?? "";
    await store.outbox.reject([entryId], "unknown queue");
    const found = await reason(store, "a", "REJECTED");
    expect(found.text).toBe('A relay rejected the message for the queue "reports": unknown queue');
    expect(found.fix).toContain(`job-store outbox requeue ${entryId}`);
    await store.updateStatus("a", "failed");
    expect(await codes(store, "a")).toEqual(["REJECTED"]);
  });

  test("SCHEDULED: a message is due later", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1, delayMs: MINUTE }] });
    await store.announceWorker(workerOf(), [], MINUTE);
    expect(await codes(store, "a")).toEqual(["SCHEDULED"]);
    const { text, fix } = await reason(store, "a", "SCHEDULED");
    expect(text).toMatch(/^A message for the queue "reports" is due at \d{4}-.*Z\.$/);
    const [entry] = (await store.outbox.ofJob("a")).entries;
    expect(fix).toBe(`To send it now: npx @subtitles/job-store outbox run-now ${entry?.entryId}`);
  });

  test("PAUSED: the queue of a message, or of the workers that take jobs from the status, is paused", async ({
    store,
  }) => {
    await store.announceWorker(workerOf(), [], MINUTE);
    await store.create({ title: "One" }, { id: "a" });
    await store.create({ title: "One" }, { id: "b", outbox: [{ queue: "letters", payload: 1 }] });
    await store.pauseQueue("letters");
    expect(await codes(store, "a")).toEqual([]);
    expect(await codes(store, "b")).toEqual(["PAUSED", "NO_WORKER"]);
    await store.pauseQueue("reports", { reason: "Maintenance.", by: "ann" });
    const { text, fix } = await reason(store, "a", "PAUSED");
    expect(text).toMatch(
      /^The queue "reports" is paused since .*Z until it is resumed, by ann\. Reason: Maintenance\.$/,
    );
    expect(fix).toBe("To end the pause: npx @subtitles/job-store resume reports");
  });

  test("NO_WORKER: a worker took jobs from the status, and none is alive", async ({ store }) => {
    const worker = workerOf();
    await store.announceWorker(worker, [], MINUTE);
    await store.create({ title: "One" }, { id: "a" });
    expect(await codes(store, "a")).toEqual([]);
    await store.announceWorker(worker, [], 0);
    const { text } = await reason(store, "a", "NO_WORKER");
    expect(text).toBe('No live worker consumes the queue "reports".');
  });

  test("NO_WORKER: all live workers wait for the message broker", async ({ store }) => {
    const [one, two] = [workerOf({ state: "waiting" }), workerOf({ state: "waiting" })];
    await store.create({ title: "One" }, { id: "a" });
    await store.announceWorker(one, [], MINUTE);
    const { text, fix } = await reason(store, "a", "NO_WORKER");
    expect(text).toBe('No live worker consumes the queue "reports": the only one waits for the message broker.');
    expect(fix).toMatch(/^Check that the workers reach the broker/);
    await store.announceWorker(two, [], MINUTE);
    expect((await reason(store, "a", "NO_WORKER")).text).toMatch(/: all 2 wait for the message broker\.$/);
    await store.announceWorker({ ...two, state: "running" }, [], MINUTE);
    expect(await codes(store, "a")).toEqual([]);
  });

  test("LEASED: a worker runs the job, or it waits for a retry", async ({ store }) => {
    const { job } = await createClaimed(store, "a", direct(), { by: "printer-1" });
    await store.announceWorker(workerOf(), [job], MINUTE);
    const running = await reason(store, "a", "LEASED");
    expect(running.text).toMatch(
      /^A worker \(printer@host\/1\) runs the job since .*Z\. Its lease ends at .*Z, unless/,
    );
    expect(running.fix).toBeNull();
    await store.updateStatus(job, "working", {
      leaseMs: MINUTE,
      failedAttempt: true,
      note: "The printer is out of ink.",
    });
    const waiting = await reason(store, "a", "LEASED");
    expect(waiting.text).toMatch(/^The job waits until .*Z for a retry, .* Reason: The printer is out of ink\.$/);
    expect(waiting.fix).toContain("run-now --job a");
  });

  test("a lease of an earlier version is none", async ({ store }) => {
    const { job } = await claimed(store, (await jobIn(store, "waiting")).id);
    await store.updateStatus(job, "checking");
    expect(await codes(store, job.id)).toEqual([]);
  });

  test("OVERDUE: the timeout has passed, and no process enforces it", async ({ stores }) => {
    const { waiting, ...others } = report.statuses;
    const limited = defineJob({
      ...report,
      statuses: { waiting: { ...waiting, timeoutSeconds: 1, timeoutTo: "failed" }, ...others },
    });
    const store = stores.openFor(limited, { timeouts: false });
    const id = await importOld(store as never);
    const found = (await store.explain(id))?.find(({ code }) => code === "OVERDUE");
    expect(found?.text).toMatch(
      /^The timeout of the status "waiting" passed at .*Z, and the job has not changed to "failed"\.$/,
    );
  });

  test("NO_MESSAGE: nothing in the store will move the job", async ({ store }) => {
    const id = await importOld(store);
    expect(await codes(store, id)).toEqual(["NO_MESSAGE"]);
    const { text, fix } = await reason(store, id, "NO_MESSAGE");
    expect(text).toMatch(
      /^The job has been in "waiting" since .*Z, without a lease, a timeout or a message in the outbox\./,
    );
    expect(text).toMatch(/ A message can still be in RabbitMQ, but no publication is known\.$/);
    expect(fix).toContain("dead letters");
    expect(fix).toContain(`set-status ${id} waiting --force --queue QUEUE --payload JSON`);
  });

  test("a job whose message a relay has claimed needs no explanation", async ({ store }) => {
    await store.announceWorker(workerOf(), [], MINUTE);
    const { job } = await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    const [entry] = await store.outbox.read();
    const at = new Date(job.createdAt.getTime() - 2 * MINUTE);
    await store.save({ ...job, createdAt: at, statusAt: at, updatedAt: at, history: [] });
    expect(await store.explain("a")).toEqual([]);
    await store.outbox.ack([entry?.entryId ?? ""]);
    expect(await codes(store, "a")).toEqual(["NO_MESSAGE"]);
  });

  test("commands quote names for a shell", async ({ store }) => {
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "it's late", payload: 1 }] });
    await store.pauseQueue("it's late");
    const { fix } = await reason(store, "a", "PAUSED");
    expect(fix).toBe("To end the pause: npx @subtitles/job-store resume 'it'\\''s late'");
  });

  test("NO_MESSAGE names the time at which the last message of the job was published", async ({ store }) => {
    const message = { queue: "reports", payload: 1 };
    const { job } = await store.create({ title: "One" }, { id: "a", outbox: [message, message] });
    await store.create({ title: "Two" }, { id: "b", outbox: [message] });
    const [first, second, other] = await store.outbox.read();
    await store.outbox.ack([other?.entryId ?? ""]);
    const at = new Date(job.createdAt.getTime() - 2 * MINUTE);
    const old = { createdAt: at, statusAt: at, updatedAt: at, history: [] };
    await store.save({ ...job, ...old });
    await store.outbox.reject([first?.entryId ?? ""], "unknown queue");
    await store.outbox.ack([first?.entryId ?? "", second?.entryId ?? ""]);
    const { text } = await reason(store, "a", "NO_MESSAGE");
    const [, published = ""] =
      / A message can still be in RabbitMQ: the last one was published at (\S+Z)\.$/.exec(text) ?? [];
    const passed = Date.parse(published) - job.createdAt.getTime();
    // The time is known to the second.
    expect(passed).toBeGreaterThan(-1000);
    expect(passed).toBeLessThan(MINUTE);
    const unpublished = await importOld(store);
    expect((await reason(store, unpublished, "NO_MESSAGE")).text).toMatch(
      // Each shard knows its own publications.
      /, but (none is known since \S+Z|no publication is known)\.$/,
    );
  });

  test("a message that was rejected and dropped was not published", async ({ store }) => {
    const { job } = await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    const [entry] = await store.outbox.read();
    await store.outbox.reject([entry?.entryId ?? ""], "unknown queue");
    await store.outbox.ack([entry?.entryId ?? ""]);
    const at = new Date(job.createdAt.getTime() - 2 * MINUTE);
    await store.save({ ...job, createdAt: at, statusAt: at, updatedAt: at, history: [] });
    expect((await reason(store, "a", "NO_MESSAGE")).text).toMatch(/, but no publication is known\.$/);
  });
}
