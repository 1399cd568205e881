import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { Failure, NotNow } from "../src/failures.js";
import { afterFirstGet, completed, type Faults, overBadConnection, startRig, testQueue } from "./stage-rig.js";

test("the work's outcome ends up in the store, then the message is acknowledged", async () => {
  const { store, submit, work, expectQueueEmpty } = startRig(async () => completed);
  const id = await submit();
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed", result: completed.result });
  await expectQueueEmpty();
  expect(work).toHaveBeenCalledTimes(1);
  const job = await store.get(id);
  expect(job?.history.map(({ to }) => to)).toEqual(["pending", "downloading", "completed"]);
  expect(job?.history.at(-1)?.by).toMatch(/^tester@/);
});

test("progress is written while the work goes on, and its last state goes with the outcome", async () => {
  const finish = new AbortController();
  const { store, submit } = startRig(async (_job, { progress }) => {
    progress({ stage: "searching", done: 1, total: 3 });
    await once(finish.signal, "abort");
    progress({ stage: "searching", done: 3, total: 3 });
    return completed;
  });
  const id = await submit();
  await expect.poll(async () => (await store.get(id))?.progress).toMatchObject({ done: 1 });
  finish.abort();
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed", progress: { done: 3, total: 3 } });
});

test("while the store is away the message is kept, and no retry is used up", async () => {
  const faults: Faults = {};
  const { store, broker, submit, work, expectQueueEmpty } = startRig(
    async () => {
      faults.before = true; // Redis goes away in the middle of the work
      return completed;
    },
    (store) => overBadConnection(store, faults),
  );
  const id = await submit();
  await vi.waitFor(() => expect(work).toHaveBeenCalled(), 60_000);
  expect(await broker.stats(testQueue)).toMatchObject({ unacked: 1, ready: 0, delayed: 0 });
  expect(await store.get(id)).toMatchObject({ status: "downloading" });

  faults.before = false;
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed" });
  await expectQueueEmpty();
  expect(work).toHaveBeenCalledTimes(1);
});

test("a worker waits for a store that is not there yet, and no retry is used up", async () => {
  const faults: Faults = { before: true };
  const calls = vi.fn();
  const { store, submit, work } = startRig(
    async () => completed,
    (store) => overBadConnection(store, faults, calls),
  );
  const id = await submit();
  await vi.waitFor(() => expect(calls.mock.calls.length).toBeGreaterThan(2), 60_000);
  expect(work).not.toHaveBeenCalled();
  faults.before = false;
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed" });
  expect((await store.get(id))?.history.map(({ note }) => note)).toEqual([undefined, undefined, undefined]);
});

test("a job that changes while it is taken over is taken over as it then is", async () => {
  const { store, submit, work, expectQueueEmpty } = startRig(
    async () => completed,
    (store) =>
      afterFirstGet(store, async (id) => void (await store.updateStatus(id, "downloading", { by: "another" }))),
  );
  const id = await submit();
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed", version: 4 });
  await expectQueueEmpty();
  expect(work).toHaveBeenCalledTimes(1);
});

test("an outcome whose answer was lost is stored once", async () => {
  const faults: Faults = {};
  const { store, submit, work, expectQueueEmpty } = startRig(
    async () => {
      faults.after = true;
      return completed;
    },
    (store) => overBadConnection(store, faults),
  );
  const id = await submit();
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed" });
  faults.after = false;
  await expectQueueEmpty();
  expect(work).toHaveBeenCalledTimes(1);
  expect((await store.get(id))?.history.map(({ to }) => to)).toEqual(["pending", "downloading", "completed"]);
});

test("a message for a job that is past the stage is acknowledged, and nothing is done twice", async () => {
  const { store, broker, submit, work, expectQueueEmpty } = startRig(async () => completed);
  const id = await submit();
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed" });
  const before = await store.get(id);

  await broker.publish(testQueue, { jobId: id });
  await expectQueueEmpty();
  expect(work).toHaveBeenCalledTimes(1);
  expect(await store.get(id)).toEqual(before);
});

test("a message of an earlier run is acknowledged and does not touch the present run", async () => {
  const { store, broker, work, expectQueueEmpty } = startRig(async () => {
    throw new Error("the provider is down");
  });
  const { job } = await store.create({ videoUrl: "https://films.example/1.mkv", videoTitle: "One", language: "en" });
  const cancelled = await store.updateStatus(job.id, "failed", { error: { message: "Cancelled." } });
  const retried = await store.updateStatus(cancelled, "pending");
  await broker.publish(testQueue, { jobId: job.id }, { id: `${job.id}.${job.version}.0` });
  await expectQueueEmpty();
  expect(work).not.toHaveBeenCalled();
  expect(await store.get(job.id)).toEqual(retried);

  await broker.publish(testQueue, { jobId: job.id }, { id: `${job.id}.${retried.version}.0` });
  await expect.poll(() => store.get(job.id)).toMatchObject({ status: "failed", error: { code: "RETRIES_EXHAUSTED" } });
});

test("a message for a job that is gone is acknowledged", async () => {
  const { broker, work, expectQueueEmpty } = startRig(async () => completed);
  await broker.publish(testQueue, { jobId: "never-was" });
  await expectQueueEmpty();
  expect(work).not.toHaveBeenCalled();
});

test("a job that is deleted in the middle of the work is let go", async () => {
  const { store, submit, expectQueueEmpty } = startRig(async (job) => {
    await store.delete(job.id);
    return completed;
  });
  const id = await submit();
  await expect.poll(() => store.get(id)).toBeNull();
  await expectQueueEmpty();
});

test("a worker that was replaced cannot hand over, and its message is acknowledged", async () => {
  const { store, submit, expectQueueEmpty } = startRig(async (job) => {
    await store.updateStatus(job.id, "downloading", { by: "successor" });
    return { ...completed, to: "translating", outbox: [{ queue: "translate", payload: { jobId: job.id } }] };
  });
  const id = await submit();
  await expect.poll(async () => (await store.get(id))?.history.at(-1)?.by).toBe("successor");
  await expectQueueEmpty();
  expect(await store.get(id)).toMatchObject({ status: "downloading", version: 3 });
  expect(await store.outbox.depth()).toBe(0);
});

test("a worker that was replaced stops as soon as its progress is refused", async () => {
  const { store, submit, expectQueueEmpty } = startRig(async (job, { progress, signal }) => {
    await store.updateStatus(job.id, "downloading", { by: "successor" });
    progress({ stage: "searching", done: 1, total: 2 });
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
    return completed;
  });
  const id = await submit();
  await expect.poll(async () => (await store.get(id))?.history.at(-1)?.by).toBe("successor");
  await expectQueueEmpty();
  expect(await store.get(id)).toMatchObject({ status: "downloading", version: 3 });
});

test("what throws is tried again, and the history says so", async () => {
  const { store, submit, work, expectQueueEmpty } = startRig(async () => completed);
  work.mockRejectedValueOnce(new Error("The network is down."));
  const id = await submit();
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed", error: null });
  await expectQueueEmpty();
  const job = await store.get(id);
  expect(job?.history.map(({ to, note }) => [to, note])).toEqual([
    ["pending", undefined],
    ["downloading", undefined],
    ["downloading", "retry 1"],
    ["completed", undefined],
  ]);
});

test("what cannot be done now is tried again as late as it says", async () => {
  const { store, broker, submit, work } = startRig(async () => completed);
  work.mockRejectedValueOnce(new NotNow("The service is busy.", 5));
  const id = await submit();
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed" });
  expect(await broker.deadLetters(testQueue)).toEqual([]);
  expect(work).toHaveBeenCalledTimes(2);
});

test("a job that has to wait for longer than a retry is parked: it says until when, and no message is left", async () => {
  const { store, broker, submit, work, expectQueueEmpty } = startRig(async () => completed);
  work.mockImplementationOnce(async (_job, { progress }) => {
    progress({ stage: "searching", done: 2, total: 3 });
    throw new NotNow("The quota is used up.", 3_600_000);
  });
  const id = await submit();
  await expect
    .poll(() => store.get(id))
    .toMatchObject({
      status: "downloading",
      error: null,
      progress: { stage: "searching", done: 2, total: 3, waiting: { reason: "The quota is used up." } },
    });
  await expectQueueEmpty();
  const parked = await store.get(id);
  const until = Date.parse(parked?.progress?.waiting?.until ?? "");
  expect(until - Date.now()).toBeGreaterThan(3_500_000);
  expect(parked?.history.at(-1)?.note).toContain("The quota is used up.");

  await broker.publish(testQueue, { jobId: id });
  await expect.poll(() => store.get(id)).toMatchObject({ status: "completed" });
  expect((await store.get(id))?.progress).toEqual({ stage: "searching", done: 2, total: 3 });
});

test("a failure that the work throws ends the job at once, with its code", async () => {
  const { store, submit, work, expectQueueEmpty } = startRig(async () => {
    throw new Failure("NO_TARGET", "No language was asked for.", { note: "a note" });
  });
  const id = await submit();
  await expect
    .poll(() => store.get(id))
    .toMatchObject({
      status: "failed",
      error: { message: "No language was asked for.", code: "NO_TARGET", retryable: false },
    });
  await expectQueueEmpty();
  expect(work).toHaveBeenCalledTimes(1);
  expect((await store.get(id))?.history.at(-1)?.note).toBe("a note");
});

test("a job that is cancelled in the middle stays cancelled, and its work ends early", async () => {
  const { store, submit, expectQueueEmpty } = startRig(async (job, { progress, signal }) => {
    await store.updateStatus(job.id, "failed", { error: { message: "Cancelled.", code: "CANCELLED" } });
    progress({ stage: "searching", done: 1, total: 2 });
    await once(signal, "abort");
    throw new Error("stopped");
  });
  const id = await submit();
  await expectQueueEmpty();
  expect(await store.get(id)).toMatchObject({ status: "failed", error: { code: "CANCELLED" } });
});

test("what is to be done afterwards is done once the store has the outcome, and its failing changes nothing", async () => {
  const statuses: unknown[] = [];
  const { store, submit, expectQueueEmpty } = startRig(async (job) => ({
    ...completed,
    async afterwards() {
      statuses.push((await store.get(job.id))?.status);
      throw new Error("It was gone already.");
    },
  }));
  const id = await submit();
  await expectQueueEmpty();
  expect(await store.get(id)).toMatchObject({ status: "completed" });
  expect(statuses).toEqual(["completed"]);
});

test("after the last attempt the job fails with the reason, and the message is a dead letter", async () => {
  const { store, broker, submit, work } = startRig(async () => {
    throw new Error("The network is down.");
  });
  const id = await submit();
  await expect
    .poll(() => broker.deadLetters(testQueue))
    .toMatchObject([{ reason: "The network is down.", attempts: 2 }]);
  expect(work).toHaveBeenCalledTimes(2);
  expect(await store.get(id)).toMatchObject({
    status: "failed",
    error: { message: "The network is down.", code: "RETRIES_EXHAUSTED", retryable: true },
  });
});

test("a reason tells nothing of this machine's paths", async () => {
  const { store, submit } = startRig(async () => {
    await readFile("/no/such/private/folder");
    return completed;
  });
  const id = await submit();
  await expect
    .poll(async () => (await store.get(id))?.error?.message)
    .toBe("A file or connection failed (ENOENT in open).");
});

test("an outcome that the store refuses for good fails the job too", async () => {
  const { store, broker, submit } = startRig(async () => ({ to: "completed", result: { downloadUrl: "" } }));
  const id = await submit();
  await expect.poll(() => broker.deadLetters(testQueue)).toHaveLength(1);
  expect(await store.get(id)).toMatchObject({ status: "failed", error: { code: "RETRIES_EXHAUSTED" } });
});

test("a failure that no retry can mend ends the job at once", async () => {
  const { store, submit, work, expectQueueEmpty } = startRig(async () => ({
    to: "failed",
    error: { message: "Not found.", code: "SUBTITLE_NOT_FOUND", retryable: false },
  }));
  const id = await submit();
  await expect.poll(() => store.get(id)).toMatchObject({ status: "failed", error: { message: "Not found." } });
  await expectQueueEmpty();
  expect(work).toHaveBeenCalledTimes(1);
});

test("a worker that must stop in the middle fails no job and acknowledges nothing", async () => {
  const { store, broker, submit, work } = startRig(
    (_job, { signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
  );
  work.mockRejectedValueOnce(new Error("So that the next attempt is the last."));
  const id = await submit();
  await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(2), 60_000);
  await broker.close({ graceMs: 0 });
  expect(await store.get(id)).toMatchObject({ status: "downloading", error: null });
});
