// Service of the previous release, with the packages as they were packed then. The test sends calls, and gets their results.
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker, createRelay, defineQueue } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { createWorker } from "@subtitles/queue/worker";
import { z } from "zod";

const film = defineJob({
  name: "film",
  data: z.object({ title: z.string() }),
  result: z.object({ by: z.string() }),
  initial: "waiting",
  statuses: {
    waiting: { next: ["working", "failed"], sends: [{ queue: "films" }] },
    working: { next: ["working", "done", "failed"] },
    done: { next: [], final: true, ttlSeconds: 3_600 },
    failed: { next: ["waiting"], final: true, ttlSeconds: 3_600 },
  },
});
const films = defineQueue({ name: "films", payload: z.object({ jobId: z.string() }), retryDelaysMs: [100] });

const { redisUrl, keyPrefix, rabbitmqUrl, queuePrefix } = JSON.parse(process.argv[2] ?? "{}");
const store = createJobStore({ job: film, driver: redisDriver({ url: redisUrl, keyPrefix, timeoutMs: 60_000 }) });
const broker = createBroker({ driver: rabbitmqDriver({ url: rabbitmqUrl, prefix: queuePrefix, timeoutMs: 60_000 }) });
/** @type {import("@subtitles/queue/worker").Worker | undefined} */
let worker;
/** @type {import("@subtitles/queue").Relay | undefined} */
let relay;

/** @type {Record<string, (...args: any[]) => unknown>} */
const calls = {
  create: (id, title) => store.create({ title }, { id }),
  get: (id) => store.get(id),
  list: () => store.list({ limit: 1_000 }),
  counts: () => store.counts(),
  updateStatus: (id, to, change) => store.updateStatus(id, to, change),
  publish: (jobId) => broker.publish(films, { jobId }),
  startRelay: () => {
    relay = createRelay({ outbox: store.outbox, broker, queues: [films] });
  },
  startWorker: () => {
    worker = createWorker({
      ...{ store, broker, queue: films, from: ["waiting"], working: "working", concurrency: 2 },
      run: async () => ({ to: "done", result: { by: "previous" } }),
    });
  },
  close: async () => {
    await worker?.close();
    await relay?.close();
    await broker.close();
    await store.close();
  },
};

process.on(
  "message",
  async (/** @type {{ number: number, call: string, args: unknown[] }} */ { number, call, args }) => {
    try {
      const result = await calls[call]?.(...args);
      const reply = { number, result: JSON.parse(JSON.stringify(result ?? null)) };
      process.send?.(reply, () => call === "close" && process.disconnect());
    } catch (error) {
      const { code, message } = /** @type {{ code?: string, message: string }} */ (error);
      process.send?.({ number, error: { code, message } });
    }
  },
);
process.send?.("ready");
