import { createLog, downloadQueue, translateQueue } from "@example/contracts";
import { deadLetter } from "@subtitles/queue";
import { describe, expect, onTestFinished, test } from "vitest";
import { jobDetail } from "../src/api/views.js";
import { removeOrphans } from "../src/sweep/orphans.js";
import { type SweeperOptions, startSweeper } from "../src/sweep/sweeper.js";
import { read, srt, startRig } from "./rig.js";

type Rig = Awaited<ReturnType<typeof startRig>>;

function sweeping({ store, broker, files }: Rig, options: Partial<SweeperOptions> = {}) {
  const log = createLog("test", "silent");
  const sweeper = startSweeper({ store, broker, files, log, everyMs: 10, ...options });
  onTestFinished(() => sweeper.close());
  return sweeper;
}

/** Its message leaves the queue in a way that the worker does not learn of. */
async function loseMessage({ broker, store }: Rig) {
  await expect.poll(() => store.outbox.depth()).toBe(0);
  expect(await broker.purge(downloadQueue)).toBe(1);
}

/** As RabbitMQ does with a message that crashes its workers. */
async function killMessage({ broker }: Rig) {
  const consumer = await broker.consume(downloadQueue, async () => deadLetter("delivery limit"));
  await expect.poll(() => broker.stats(downloadQueue)).toMatchObject({ dead: 1 });
  await consumer.close();
}

test("a job whose message is gone is asked for again, once", async () => {
  const rig = await startRig();
  await rig.submit();
  await loseMessage(rig);
  const sweeper = sweeping(rig, { quietMs: 0 });
  await expect.poll(() => rig.broker.stats(downloadQueue)).toMatchObject({ ready: 1 });
  await expect.poll(() => sweeper.swept).toMatchObject({ dead: 0, stranded: 1 });
});

test.each(["downloading", "translating"] as const)("one that is %s goes on with that stage", async (status) => {
  const rig = await startRig();
  const { id } = await rig.submit({ targetLanguage: "es" });
  await loseMessage(rig);
  await rig.store.updateStatus(id, status);
  sweeping(rig, { quietMs: 0 });
  const queue = status === "downloading" ? downloadQueue : translateQueue;
  await expect.poll(() => rig.broker.stats(queue)).toMatchObject({ ready: 1 });
});

test("one that still has a message is left alone", async () => {
  const rig = await startRig();
  await rig.submit();
  const { id } = await rig.submit({ language: "fr", targetLanguage: "es" });
  await rig.store.updateStatus(id, "translating");
  await expect.poll(() => rig.store.outbox.depth()).toBe(0);
  sweeping(rig, { quietMs: 0 });
  // Once the sweeper has come to the one that has none, it has been past the other.
  await expect.poll(() => rig.broker.stats(translateQueue)).toMatchObject({ ready: 1 });
  expect(await rig.broker.stats(downloadQueue)).toMatchObject({ ready: 2 });
});

test("one without a sign of life for long enough is asked for although the queue is not empty", async () => {
  const rig = await startRig();
  await rig.submit();
  await expect.poll(() => rig.store.outbox.depth()).toBe(0);
  sweeping(rig, { quietMs: 0, hopelessMs: 1 });
  await expect.poll(async () => (await rig.broker.stats(downloadQueue)).ready).toBeGreaterThan(1);
});

test("a dead letter takes its job to failed, with the reason", async () => {
  const rig = await startRig();
  const { id } = await rig.submit();
  await killMessage(rig);
  const sweeper = sweeping(rig);
  await expect
    .poll(() => rig.store.get(id))
    .toMatchObject({
      status: "failed",
      error: { code: "DEAD_LETTERED", message: "The work was given up: delivery limit", retryable: true },
    });
  expect(sweeper.swept.dead).toBe(1);
});

test("a dead letter of an earlier attempt does not touch the next one", async () => {
  const rig = await startRig();
  const { id } = await rig.submit();
  await killMessage(rig);
  await rig.fail(id);
  expect((await rig.post(`/api/v1/jobs/${id}/retry`)).status).toBe(200);
  const other = await rig.submit({ language: "fr" });
  await expect.poll(() => rig.store.outbox.depth()).toBe(0);
  sweeping(rig);
  await rig.broker.purge(downloadQueue);
  await rig.broker.publish(downloadQueue, { jobId: other.id }, { id: `${other.id}.1.0` });
  const consumer = await rig.broker.consume(downloadQueue, async () => deadLetter("second"));
  // Once the sweeper has seen the second dead letter, it has seen the first one, too.
  await expect.poll(() => rig.store.get(other.id)).toMatchObject({ status: "failed" });
  expect(await rig.store.get(id)).toMatchObject({ status: "pending", attempt: 2 });
  await consumer.close();
});

describe("a parked job", () => {
  const waiting = (ms: number) => ({
    stage: "searching",
    done: 2,
    total: 3,
    waiting: { until: new Date(Date.now() + ms).toISOString(), reason: "The quota is used up." },
  });
  async function park(rig: Rig, ms: number) {
    const { id } = await rig.submit();
    await loseMessage(rig);
    return rig.store.updateStatus(id, "downloading", { progress: waiting(ms) });
  }

  test("says until when it waits, and is left alone until then, also after an hour of silence", async () => {
    const rig = await startRig();
    const parked = await park(rig, 3_600_000);
    const { id } = await rig.submit({ language: "fr", targetLanguage: "es" });
    await rig.store.updateStatus(id, "translating");
    const job = await read(jobDetail, rig.get(`/api/v1/jobs/${parked.id}`));
    expect(job.waiting).toEqual(parked.progress?.waiting);

    const sweeper = sweeping(rig, { quietMs: 0, hopelessMs: 0 });
    // Once the sweeper has asked for the one that is stranded, it has been past the parked one.
    await expect.poll(() => rig.broker.stats(translateQueue)).not.toMatchObject({ ready: 0 });
    expect(sweeper.swept.parked).toBe(0);
    expect(await rig.store.get(parked.id)).toEqual(parked);
  });

  test("goes on once its time has come, by one message, however many managers there are", async () => {
    const rig = await startRig();
    const { id } = await park(rig, -1);
    const sweepers = [sweeping(rig, { everyMs: 5 }), sweeping(rig, { everyMs: 5 })];
    await expect.poll(() => rig.broker.stats(downloadQueue)).toMatchObject({ ready: 1 });
    await expect.poll(() => rig.store.outbox.depth()).toBe(0);
    expect(sweepers.reduce((sum, { swept }) => sum + swept.parked, 0)).toBe(1);
    expect(await rig.broker.stats(downloadQueue)).toMatchObject({ ready: 1 });
    const job = await read(jobDetail, rig.get(`/api/v1/jobs/${id}`));
    expect(job).toMatchObject({ status: "downloading", waiting: null, progress: { done: 2, total: 3 } });
    expect(job.history.at(-1)).toMatchObject({ by: "manager", note: "its time has come" });
  });

  test("that is cancelled waits no longer", async () => {
    const rig = await startRig();
    const { id } = await park(rig, 3_600_000);
    const cancelled = await read(jobDetail, rig.post(`/api/v1/jobs/${id}/cancel`));
    expect(cancelled).toMatchObject({ status: "failed", waiting: null });
  });
});

describe("the files of jobs that are gone", () => {
  test("are removed, and no others", async () => {
    const rig = await startRig();
    const { id } = await rig.submit();
    for (const name of [id, "expired.job", "another"]) await rig.files.save(name, "en", srt);
    const sweeper = sweeping(rig, { orphanMs: 0 });
    await expect.poll(() => sweeper.swept.orphans).toBe(2);
    expect(await rig.files.list({ olderThanMs: 0 })).toEqual([id]);
  });

  test("stay while they are young, and where the store has no job at all", async () => {
    const rig = await startRig();
    await rig.files.save("expired", "en", srt);
    expect(await removeOrphans(rig.store, rig.files, { olderThanMs: 0 })).toBe(0);
    await rig.submit();
    expect(await removeOrphans(rig.store, rig.files, { olderThanMs: 60_000 })).toBe(0);
    expect(await removeOrphans(rig.store, rig.files, { olderThanMs: 0 })).toBe(1);
  });
});
