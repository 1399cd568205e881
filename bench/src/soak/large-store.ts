import { createJobStore, defineJob, type JobToSave } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { Redis } from "ioredis";
import { z } from "zod";
import { startRedis, usedMemoryMb } from "../../../test/servers/redis.js";
import { quantile } from "../harness/statistics.js";

/** Memory of one job in Redis, with its index entries, rounded up. */
const BYTES_PER_JOB = 1_300;
/** Jobs per batch of the set-up. */
const BATCH = 2_000;
const REPETITIONS = 200;
const ACCOUNTS = 1_000;

const definition = defineJob({
  name: "order",
  data: z.object({ account: z.string(), title: z.string() }),
  initial: "pending",
  statuses: {
    pending: { next: ["completed", "failed"] },
    completed: { next: [], final: true, ttlSeconds: 30 * 24 * 3600 },
    failed: { next: ["pending"], final: true },
  },
  index: { account: (data) => data.account },
});

/** Duration of a call, in milliseconds. */
export interface CallTime {
  readonly call: string;
  readonly medianMs: number;
  readonly p99Ms: number;
}

export interface LargeStore {
  readonly fillSeconds: number;
  readonly redisMb: number;
  readonly calls: readonly CallTime[];
  readonly auditSeconds: number;
  readonly problems: readonly string[];
}

/** @returns a reason why a store of this size does not fit into the memory of this machine, or null */
export function memoryProblem(jobs: number): string | null {
  const needed = jobs * BYTES_PER_JOB;
  const available = process.availableMemory();
  const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  return needed > available * 0.9
    ? `${jobs.toLocaleString("en")} jobs need about ${gigabytes(needed)} GB, and ${gigabytes(available)} GB are available.`
    : null;
}

/** Fills a store without persistence, and measures the calls that read it. */
export async function largeStore(jobs: number, log: (line: string) => void): Promise<LargeStore> {
  await using redis = await startRedis();
  await using store = createJobStore({ job: definition, driver: redisDriver({ url: redis.url, timeoutMs: 60_000 }) });
  const started = performance.now();
  const createdAt = Date.now() - jobs;
  for (let first = 0; first < jobs; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, jobs - first) }, (_, index) => first + index);
    await Promise.all(numbers.map((number) => store.save(jobOf(number, new Date(createdAt + number)))));
    if (first % (BATCH * 100) === 0) log(`${first.toLocaleString("en")} jobs`);
  }
  const fillSeconds = (performance.now() - started) / 1_000;
  const middle = new Date(createdAt + jobs / 2);
  const id = idOf(Math.floor(jobs / 2));
  const where = { account: "7" };
  const calls = [
    await timed("get", () => store.get(id)),
    await timed("counts", () => store.counts()),
    await timed("counts of a field", () => store.counts({ where })),
    await timed("newest page of 50", () => store.list()),
    await timed("page of 50 in the middle", () => store.list({ before: middle })),
    await timed("page of a status", () => store.list({ status: "failed" })),
    await timed("page of a field", () => store.list({ where })),
    await timed("explain", () => store.explain(id)),
    await timed("health", () => store.health()),
  ];
  const auditStarted = performance.now();
  const audit = await store.audit();
  const auditSeconds = (performance.now() - auditStarted) / 1_000;
  const problems: string[] = [];
  const total = Object.values(await store.counts()).reduce((sum, count) => sum + count, 0);
  if (total !== jobs) problems.push(`${total} of ${jobs} jobs are counted`);
  if (audit.missingFromIndex + audit.staleInIndex + audit.unreadable > 0)
    problems.push(`audit: ${JSON.stringify(audit)}`);
  const admin = new Redis(redis.url);
  const redisMb = await usedMemoryMb(admin);
  admin.disconnect();
  return { fillSeconds, redisMb, calls, auditSeconds, problems };
}

async function timed(call: string, run: () => Promise<unknown>): Promise<CallTime> {
  const times: number[] = [];
  for (let round = 0; round < REPETITIONS; round++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return { call, medianMs: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

const idOf = (number: number) => `order-${number}`;

/** Returns a job: of 20 jobs, one is failed, one pending, and 18 are completed. */
function jobOf(number: number, at: Date): JobToSave<typeof definition> {
  const common = {
    id: idOf(number),
    version: 1,
    attempt: 1,
    data: { account: `${number % ACCOUNTS}`, title: `Order number ${number} of the large store` },
    progress: null,
    result: null,
    error: null,
    createdAt: at,
    updatedAt: at,
    statusAt: at,
    expiresAt: null,
  };
  const status = number % 20 === 0 ? "failed" : number % 20 === 1 ? "pending" : "completed";
  return { ...common, status, history: [{ from: null, to: status, at, version: 1 }] };
}
