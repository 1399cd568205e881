import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { Redis } from "ioredis";
import { COMPLETED, definition, download, FAILED } from "../../../examples/contracts/job.js";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { PERSISTENT, startRedis, usedMemoryMb } from "../../../test/servers/redis.js";
import type { Report, Settings } from "./process.js";

/** Requests to the manager at the same time. */
const REQUESTS = 32;
/** Jobs that are accepted and not done yet, at most. The client waits then, so that the queues do not only measure their own length. */
const WINDOW = 5_000;

export interface DaySample {
  readonly seconds: number;
  readonly done: number;
  readonly redisMb: number;
  readonly outbox: number;
  readonly manager: Report;
  readonly worker: Report;
}

export interface Day {
  readonly samples: readonly DaySample[];
  /** Seconds until the last job was done, and until the last one had expired. */
  readonly loadSeconds: number;
  readonly expirySeconds: number;
  /** Redis memory after the expiry, in MB. */
  readonly leftMb: number;
  /** Everything that was not as it must be. Empty: nothing was lost. */
  readonly problems: readonly string[];
}

/** Sends jobs through manager, relay and worker, waits until they have expired, and checks that nothing was lost. */
export async function day({ jobs, ttlSeconds }: { jobs: number; ttlSeconds: number }): Promise<Day> {
  await using redis = await startRedis({ args: PERSISTENT });
  await using rabbitmq = await startRabbitmq();
  const common = { redisUrl: redis.url, rabbitmqUrl: rabbitmq.url, ttlSeconds, jobs, concurrency: 64 };
  const manager = await start({ ...common, role: "manager" });
  const worker = await start({ ...common, role: "worker" });
  const admin = new Redis(redis.url);
  await using store = createJobStore({ job: definition, driver: redisDriver({ url: redis.url }) });
  await using broker = createBroker({ driver: rabbitmqDriver({ url: rabbitmq.url }) });

  const samples: DaySample[] = [];
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1_000;
  const stop = new AbortController();
  const sampling = (async () => {
    for (let at = 1; !stop.signal.aborted; at++) {
      await pause(Math.max(0, at * 1_000 - seconds() * 1_000));
      const [redisMb, outbox] = await Promise.all([usedMemoryMb(admin), store.outbox.depth()]);
      const reports = { manager: manager.latest(), worker: worker.latest() };
      samples.push({ seconds: seconds(), done: reports.worker.done, redisMb, outbox, ...reports });
    }
  })();

  const accepted = await send(`${manager.url}/api/v1/jobs`, jobs, () => worker.latest().done);
  while (worker.latest().done < accepted || (await unfinished()) > 0) await pause(200);
  const loadSeconds = seconds();
  const problems = await check(accepted);
  while ((await total()) > 0) await pause(500);
  const expirySeconds = seconds();
  stop.abort();
  await sampling;
  const leftMb = await usedMemoryMb(admin);
  await Promise.all([manager.end(), worker.end()]);
  if (worker.latest().runs !== jobs) problems.push(`${worker.latest().runs} runs of ${jobs} jobs`);
  admin.disconnect();
  return { samples, loadSeconds, expirySeconds, leftMb, problems };

  async function total(): Promise<number> {
    return Object.values(await store.counts()).reduce((sum, count) => sum + count, 0);
  }

  async function unfinished(): Promise<number> {
    const { [COMPLETED]: completed, [FAILED]: failed } = await store.counts();
    return (await total()) - completed - failed + (await store.outbox.depth());
  }

  async function check(count: number): Promise<string[]> {
    const found: string[] = [];
    if (count !== jobs) found.push(`${count} of ${jobs} requests were accepted`);
    const { [COMPLETED]: completed, ...others } = await store.counts();
    for (const [status, left] of Object.entries(others)) if (left > 0) found.push(`${left} jobs are ${status}`);
    if (others[FAILED] > 0) found.push("jobs failed");
    if (completed === 0 && loadSeconds < ttlSeconds) found.push("no job is completed");
    const [{ ready, delayed, dead }, rejected] = await Promise.all([
      broker.stats(download.queue),
      store.outbox.countRejected(),
    ]);
    if (ready + delayed + dead + rejected > 0)
      found.push(`messages: ${ready} ready, ${delayed} delayed, ${dead} dead, ${rejected} rejected`);
    const audit = await store.audit();
    if (audit.missingFromIndex + audit.staleInIndex + audit.unreadable > 0)
      found.push(`audit: ${JSON.stringify(audit)}`);
    return found;
  }
}

async function start(settings: Settings) {
  const child = fork(fileURLToPath(new URL("process.ts", import.meta.url)), [JSON.stringify(settings)]);
  let report: Report = { rssMb: 0, delayMs: 0, runs: 0, done: 0, medianMs: 0, p99Ms: 0 };
  child.on("message", (message: { report?: Report }) => {
    report = message.report ?? report;
  });
  const [{ url }] = await once(child, "message");
  return {
    url: String(url),
    latest: () => report,
    async end() {
      const ended = once(child, "exit");
      child.send("end");
      await ended;
    },
  };
}

/** Sends the requests. @returns the number of jobs that the manager created */
async function send(url: string, jobs: number, done: () => number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: REQUESTS });
  let [next, created] = [0, 0];
  const sender = async () => {
    while (next < jobs) {
      const number = next++;
      while (number - done() > WINDOW) await pause(20);
      const data = { videoUrl: `https://films.example/${number}`, videoTitle: `${number}`, language: "en" };
      if ((await post(agent, url, JSON.stringify(data))) === 201) created++;
    }
  };
  await Promise.all(Array.from({ length: REQUESTS }, sender));
  agent.destroy();
  return created;
}

function post(agent: Agent, url: string, body: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
