import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createRelay, defineQueue, message } from "@subtitles/queue";
import { createWorker } from "@subtitles/queue/worker";
import { z } from "zod";
import type { Section, Suite } from "../harness/suite.js";
import { data, forEach, newIds, subtitleJob } from "../job-store/jobs.js";
import { benchRedis } from "../job-store/redis.js";
import { openBroker } from "../queue/libraries.js";
import { benchRabbitmq } from "../queue/rabbitmq.js";

/** Jobs that have one index value in common, so that all of them have the same key. */
const job = defineJob({ ...subtitleJob, index: { language: ({ language }) => language } });

interface Row {
  readonly name: string;
  readonly count: number;
  readonly concurrency: number;
  /** Maximum number of jobs that run at the same time. undefined: no limit. */
  readonly max?: number;
}

const rows: readonly Row[] = [
  { name: "no limit, concurrency 16", count: 10_000, concurrency: 16 },
  { name: "limit of 16, concurrency 64", count: 10_000, concurrency: 64, max: 16 },
  { name: "limit of 1, concurrency 64", count: 1_000, concurrency: 64, max: 1 },
];

interface Measured {
  /** Time until all jobs that cannot run wait in the store, in ms. */
  readonly waitMs: number;
  /** Time from then on until all jobs have ended, in ms. */
  readonly ms: number;
}

/** Jobs of one key, on the whole path from the outbox over the relay and RabbitMQ to the worker and back. */
export const limiting: Suite = {
  name: "limits",
  measure: async ({ log }) => {
    await using redis = await benchRedis();
    await using rabbitmq = await benchRabbitmq();
    const found: (readonly string[])[] = [];
    for (const row of rows) {
      const { ms, waitMs } = await measure(row, redis.url, rabbitmq.url);
      const perSecond = Math.round((row.count / ms) * 1000).toLocaleString("en");
      const waiting = row.max === undefined ? "" : `${(waitMs / 1000).toFixed(1)} s`;
      log(`  ${row.name}: ${perSecond} jobs/s`);
      found.push([row.name, row.count.toLocaleString("en"), perSecond, waiting]);
    }
    const section: Section = {
      title: "jobs of one key with a limit",
      about:
        "Whole path: outbox, relay, RabbitMQ, worker. All jobs have the same index value and exist before the start. Their work returns at once. " +
        "One round.",
      table: { head: ["", "jobs", "jobs/s", "until all others waited in the store"], rows: found },
      ratios: [],
    };
    return [section];
  },
};

async function measure({ name, count, concurrency, max }: Row, redis: string, rabbitmq: string): Promise<Measured> {
  const queue = defineQueue({ name: name.replaceAll(/\W+/g, "-"), payload: z.object({ jobId: z.string() }) });
  await using store = createJobStore({ job, driver: redisDriver({ url: redis, keyPrefix: `${queue.name}:` }) });
  await using broker = openBroker(rabbitmq);
  await forEach(newIds(count), (id) => store.create(data, { id, outbox: [message(queue, { jobId: id })] }));
  await using _relay = createRelay({ outbox: store.outbox, broker, queues: [queue] });
  const start = performance.now();
  let [limited, done, waitMs] = [0, 0, 0];
  let release: () => void = () => {};
  // The first jobs run until all others wait.
  const allWait = max === undefined ? null : new Promise<void>((resolve) => (release = resolve));
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const worker = createWorker({
    ...{ store, broker, queue, concurrency, prefetch: 4 * concurrency, from: "pending", working: "downloading" },
    limit: max === undefined ? undefined : { field: "language", max },
    run: async () => {
      await allWait;
      return { to: "completed", result: { downloadUrl: "https://files.example/a-film.srt" } };
    },
    onEvent: ({ type, reason }) => {
      if (type === "skipped" && reason === "limited" && ++limited === count - (max ?? 0)) {
        waitMs = performance.now() - start;
        release();
      }
      if (type === "done" && ++done === count) finish();
    },
  });
  await finished;
  const ms = performance.now() - start - waitMs;
  await worker.close();
  return { ms, waitMs };
}
