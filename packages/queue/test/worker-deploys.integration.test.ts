import { createJobStore, defineJob, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { server } from "../../../test/servers/require.js";
import { createWorker, type WorkerEvent } from "../src/worker.js";
import { openSetting } from "./worker-servers/setting.js";
import { films, renderings } from "./worker-suite/films.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** Next release of the definition: the store itself requests the work of a job. */
const newer = defineJob({
  ...films,
  statuses: { ...films.statuses, pending: { ...films.statuses.pending, sends: [{ queue: renderings.name }] } },
});

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("workers during a deploy"), () => {
  test("with both definitions side by side, each job is requested and run once", async () => {
    const setting = await openSetting(url);
    const newStore = createJobStore({ job: newer, driver: redisDriver({ url: setting.redis.url, timeoutMs: 30_000 }) });
    onTestFinished(() => newStore.close());
    const runs: string[] = [];
    const events: WorkerEvent[] = [];
    const start = (store: JobStore<typeof films> | JobStore<typeof newer>) => {
      const worker = createWorker({
        // Both definitions have the same types.
        store: store as JobStore<typeof films>,
        broker: setting.broker,
        queue: renderings,
        from: ["pending", "waiting"],
        working: "rendering",
        concurrency: 4,
        onEvent: (event) => events.push(event),
        run: async (job) => {
          runs.push(job.id);
          return { to: "done", result: { url: "/" } };
        },
      });
      onTestFinished(() => worker.close({ graceMs: 0 }));
    };
    const ids = Array.from({ length: 10 }, (_, n) => [`old-${n}`, `new-${n}`] as const);
    for (const [oldId, newId] of ids) {
      await setting.request(oldId);
      await newStore.create({ title: newId }, { id: newId });
    }
    // A job and its message as an earlier release stored them: running without a lease, and without an origin.
    await setting.store.create({ title: "before" }, { id: "before" });
    await setting.store.updateStatus("before", "rendering");
    const client = new Redis(setting.redis.url);
    onTestFinished(() => client.disconnect());
    const message = JSON.stringify({ queue: renderings.name, headers: {}, payload: { jobId: "before" } });
    await client.xadd("jobs:outbox", "*", "job", "before", "id", '"before.1.0"', "message", message);

    start(setting.store);
    start(newStore);
    const all = [...ids.flat(), "before"];
    for (const id of all) await setting.reaches(id, "done");
    // A copy of the message without an origin, as after a redelivery.
    await setting.broker.publish(renderings, { jobId: "before" }, { id: "before.1.0" });
    await vi.waitUntil(() => events.some(({ type }) => type === "skipped"), PATIENCE);
    await setting.endsEmpty();
    expect(runs.toSorted()).toEqual(all.toSorted());
    expect(events.filter(({ type }) => type === "skipped")).toMatchObject([{ jobId: "before" }]);
  });
});
