import { describe, expect, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { server } from "../../../test/servers/require.js";
import { message } from "../src/index.js";
import { openSetting, type Setting } from "./worker-servers/setting.js";
import { renderings } from "./worker-suite/films.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

const PAUSES = 10;
/** Number of jobs that are requested for each pause, and of those that start before it. */
const JOBS = 60;
const STARTED = 15;

/** Returns the time of the clock of Redis. */
async function serverTime({ store }: Setting): Promise<number> {
  const { job } = await store.create({ title: "A clock" });
  await store.delete(job.id);
  return job.createdAt.getTime();
}

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("a queue that is paused for all workers"), () => {
  test("ten pauses during load: nothing is claimed during a pause, no attempt is used, no message is dead-lettered, and all end", {
    timeout: 300_000,
  }, async () => {
    const deliveryLimit = 2;
    const setting = await openSetting(url, { deliveryLimit });
    const { store, broker } = setting;
    const queue = { ...renderings, deliveryLimit };
    const options = { concurrency: 2, prefetch: 8, finishes: true, runMs: 30 };
    const children = await Promise.all([3, 3, 2, 2].map((workers) => setting.start({ ...options, workers })));
    const ids: string[] = [];
    const pauses: { readonly from: number; readonly to: number }[] = [];
    for (let n = 0; n < PAUSES; n++) {
      const requested = Array.from({ length: JOBS }, (_, k) => `job-${n}-${k}`);
      ids.push(...requested);
      const jobs = requested.map((id) => ({ id, data: { title: id }, outbox: [message(renderings, { jobId: id })] }));
      const before = children.reduce((sum, { runs }) => sum + runs.length, 0);
      await store.createMany(jobs);
      await vi.waitUntil(() => children.reduce((sum, { runs }) => sum + runs.length, 0) >= before + STARTED, PATIENCE);
      await store.pauseQueue(renderings.name, { reason: `Pause ${n}.` });
      const from = await serverTime(setting);
      // The workers have returned all that they fetched, and the relay has published all. On a busy machine, a message can be there twice.
      await vi.waitFor(async () => {
        const { pending, rendering } = await store.counts();
        expect(rendering).toBe(0);
        expect((await broker.stats(queue)).ready).toBeGreaterThanOrEqual(pending);
      }, PATIENCE);
      pauses.push({ from, to: await serverTime(setting) });
      expect(await store.resumeQueue(renderings.name)).toBe(true);
    }
    await vi.waitFor(async () => {
      const { done, failed } = await store.counts();
      expect(done + failed).toBe(ids.length);
    }, PATIENCE);
    for (const job of await store.getMany(ids)) {
      const statuses = job?.history.map(({ to }) => to);
      expect({ statuses, error: job?.error }).toEqual({ statuses: ["pending", "rendering", "done"], error: null });
      const claimedAt = Number(job?.history[1]?.at);
      for (const { from, to } of pauses) expect(claimedAt > from && claimedAt < to, job?.id).toBe(false);
    }
    for (const { runs } of children) for (const { attempt } of runs) expect(attempt).toBe(1);
    const paused = children.flatMap(({ events }) => events.filter(({ type }) => type === "paused"));
    expect(paused.length).toBeGreaterThanOrEqual(PAUSES);
    await setting.endsEmpty(...children);
  });
});
