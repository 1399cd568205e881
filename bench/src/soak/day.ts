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
import { cpuOf } from "../harness/cpu.js";
import type { Report, Settings } from "./process.js";

/** Requests to the manager at the same time. */
const REQUESTS = 32;
/** Jobs that are accepted and not done yet, at most. The client waits then, so that the queues do not only measure their own length. */
const WINDOW = 5_000;
/** Time without any progress after which the run stops to wait, and reports what is left. */
const STUCK_MS = 180_000;

export interface DayOptions {
  readonly jobs: number;
  readonly ttlSeconds: number;
  /** Minutes after which no further job is sent. Infinity: no limit. */
  readonly minutes: number;
  readonly log: (line: string) => void;
}

/** Load that the client sends. `done` returns the number of jobs that are done. */
interface Load extends Pick<DayOptions, "jobs" | "minutes"> {
  readonly done: () => number;
}

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
  /** Number of jobs that the manager accepted. */
  readonly accepted: number;
  /** Number of requests that were sent again, because the manager did not accept them. */
  readonly repeated: number;
  /** Number of runs in addition to the first one of each job. */
  readonly repeatedRuns: number;
  /** CPU time per job in ms until the last job was done, of each process: user and system. */
  readonly cpuMs: Readonly<Record<"client" | "manager" | "worker" | "redis" | "rabbitmq", number>>;
  /** Seconds until the last job was done, and until the last one had expired. */
  readonly loadSeconds: number;
  readonly expirySeconds: number;
  /** Redis memory after the expiry, in MB. */
  readonly leftMb: number;
  /** Everything that was not as it must be. Empty: nothing was lost. */
  readonly problems: readonly string[];
}

/** Sends jobs through manager, relay and worker, waits until they have expired, and checks that nothing was lost. */
export async function day({ jobs, ttlSeconds, minutes, log }: DayOptions): Promise<Day> {
  await using redis = await startRedis({ args: PERSISTENT });
  await using rabbitmq = await startRabbitmq();
  const common = { redisUrl: redis.url, rabbitmqUrl: rabbitmq.url, ttlSeconds, jobs, concurrency: 64 };
  const manager = await start({ ...common, role: "manager" });
  const worker = await start({ ...common, role: "worker" });
  const admin = new Redis(redis.url);
  await using store = createJobStore({ job: definition, driver: redisDriver({ url: redis.url, timeoutMs: 60_000 }) });
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
      if (at % 60 === 0) log(`${at / 60} min: ${reports.worker.done.toLocaleString("en")} jobs done`);
    }
  })();

  const cpuBefore = await cpu();
  const { accepted, repeated } = await send(`${manager.url}/api/v1/jobs`, {
    jobs,
    minutes,
    done: () => worker.latest().done,
  });
  await reachesZero(async () => accepted - worker.latest().done + (await unfinished()), STUCK_MS);
  const loadSeconds = seconds();
  const cpuAfter = await cpu();
  const problems = await check();
  if (!(await reachesZero(total, ttlSeconds * 1_000 + STUCK_MS)))
    problems.push(`${await total()} jobs have not expired`);
  const expirySeconds = seconds();
  stop.abort();
  await sampling;
  const leftMb = await usedMemoryMb(admin);
  await Promise.all([manager.end(), worker.end()]);
  const { runs, done } = worker.latest();
  if (done !== accepted) problems.push(`${done} jobs have run, ${accepted} were accepted`);
  admin.disconnect();
  const perJob = (name: keyof typeof cpuAfter) => (cpuAfter[name] - cpuBefore[name]) / accepted;
  const cpuMs = {
    client: perJob("client"),
    manager: perJob("manager"),
    worker: perJob("worker"),
    redis: perJob("redis"),
    rabbitmq: perJob("rabbitmq"),
  };
  const repeatedRuns = runs - done;
  return { samples, accepted, repeated, repeatedRuns, cpuMs, loadSeconds, expirySeconds, leftMb, problems };

  async function cpu() {
    return {
      client: await cpuOf(process.pid),
      manager: await cpuOf(manager.pid),
      worker: await cpuOf(worker.pid),
      redis: await cpuOf(redis.pid),
      rabbitmq: await cpuOf(rabbitmq.pid),
    };
  }

  async function total(): Promise<number> {
    return Object.values(await store.counts()).reduce((sum, count) => sum + count, 0);
  }

  async function unfinished(): Promise<number> {
    const { [COMPLETED]: completed, [FAILED]: failed } = await store.counts();
    return (await total()) - completed - failed + (await store.outbox.depth());
  }

  async function check(): Promise<string[]> {
    const found: string[] = [];
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
    pid: child.pid ?? 0,
    latest: () => report,
    async end() {
      const ended = once(child, "exit");
      child.send("end");
      await ended;
    },
  };
}

/** Waits until a number is 0. @returns false if the number did not change for some time */
async function reachesZero(left: () => Promise<number>, stuckMs: number): Promise<boolean> {
  let [last, changed] = [Number.NaN, performance.now()];
  for (;;) {
    const now = await left();
    if (now === 0) return true;
    if (now !== last) [last, changed] = [now, performance.now()];
    if (performance.now() - changed > stuckMs) return false;
    await pause(500);
  }
}

/**
 * Sends the requests. Repeats one that was not accepted: the id of the job is computed from its data, so the manager creates one job.
 *
 * @returns the numbers of accepted jobs and of repeated requests
 */
async function send(url: string, { jobs, minutes, done }: Load): Promise<{ accepted: number; repeated: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: REQUESTS });
  const end = performance.now() + minutes * 60_000;
  let [next, accepted, repeated] = [0, 0, 0];
  const sender = async () => {
    while (next < jobs && performance.now() < end) {
      const number = next++;
      while (number - done() > WINDOW) await pause(20);
      const data = { videoUrl: `https://films.example/${number}`, videoTitle: `${number}`, language: "en" };
      while (!(await post(agent, url, JSON.stringify(data)))) {
        repeated++;
        await pause(1_000);
      }
      accepted++;
    }
  };
  await Promise.all(Array.from({ length: REQUESTS }, sender));
  agent.destroy();
  return { accepted, repeated };
}

/** Sends one request. @returns true if the manager has the job */
function post(agent: Agent, url: string, body: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 201 || response.statusCode === 200));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
