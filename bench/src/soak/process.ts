// Process of the service: the manager with its relay, or the worker. Both use the templates' code. It reports once per second.
import { createHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { createWorker } from "@subtitles/queue/worker";
import { openFiles } from "../../../examples/contracts/files.js";
import { COMPLETED, definition, download } from "../../../examples/contracts/job.js";
import { createLog } from "../../../examples/contracts/log.js";
import { startManager } from "../../../examples/manager/app.js";
import { createMetrics } from "../../../examples/manager/metrics.js";

/** Settings that the process gets as its argument. */
export interface Settings {
  readonly role: "manager" | "worker";
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
  readonly ttlSeconds: number;
  readonly jobs: number;
  readonly concurrency: number;
}

/** Report of a process about the last second. Times are in milliseconds. */
export interface Report {
  readonly rssMb: number;
  /** Event-loop delay: 99th percentile. */
  readonly delayMs: number;
  /** Number of runs since the start. */
  readonly runs: number;
  /** Number of different jobs among them. */
  readonly done: number;
  /** Time from the creation of a job to its run: median and 99th percentile. */
  readonly medianMs: number;
  readonly p99Ms: number;
}

const settings: Settings = JSON.parse(process.argv[2] ?? "");
const store = createJobStore({
  job: definition,
  driver: redisDriver({ url: settings.redisUrl }),
  ttlSeconds: { [COMPLETED]: settings.ttlSeconds },
});
const broker = createBroker({ driver: rabbitmqDriver({ url: settings.rabbitmqUrl }) });
const seen = new Uint8Array(settings.jobs);
let [runs, done] = [0, 0];
const loop = monitorEventLoopDelay({ resolution: 10 });
loop.enable();
const waited = createHistogram();

const app = settings.role === "manager" ? await manager() : worker();
process.on("disconnect", () => process.exit(0));
process.on("message", async () => {
  await app.close();
  await broker.close();
  await store.close();
  report();
  process.disconnect();
});
setInterval(report, 1_000).unref();

async function manager() {
  const log = createLog("warn");
  const resources = { store, broker, files: openFiles("."), log, metrics: createMetrics() };
  const started = await startManager(resources, { HOST: "127.0.0.1", PORT: 0 });
  process.send?.({ url: started.url });
  return started;
}

function worker() {
  const started = createWorker({
    ...download,
    store,
    broker,
    concurrency: settings.concurrency,
    async run(job) {
      const number = Number(job.data.videoTitle);
      runs++;
      if (seen[number] === 0) done++;
      seen[number] = 1;
      waited.record(Math.max(1, Date.now() - job.createdAt.getTime()));
      return { to: COMPLETED, result: { file: `${job.id}.srt`, source: "soak" } };
    },
  });
  process.send?.({ url: "" });
  return started;
}

function report(): void {
  const count = waited.count;
  const sent: Report = {
    rssMb: process.memoryUsage.rss() / 2 ** 20,
    delayMs: loop.percentile(99) / 1e6,
    runs,
    done,
    medianMs: count === 0 ? 0 : waited.percentile(50),
    p99Ms: count === 0 ? 0 : waited.percentile(99),
  };
  loop.reset();
  waited.reset();
  process.send?.({ report: sent });
}
