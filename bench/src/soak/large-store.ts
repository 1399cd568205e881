import { createJobStore, defineJob, type JobToSave } from "@subtitles/job-store";
import { createDashboard } from "@subtitles/job-store/dashboard";
import { redisDriver } from "@subtitles/job-store/redis";
import { Redis } from "ioredis";
import { z } from "zod";
import { startRedis, usedMemoryMb } from "../../../test/servers/redis.js";
import { quantile } from "../harness/statistics.js";

/** Memory of one job in Redis, with its index entries, rounded up. */
const BYTES_PER_JOB = 1_300;
/** Jobs per batch of the set-up. */
const BATCH = 2_000;
/** Available memory of the machine, in bytes, under which the set-up stops. */
const LEAST_MEMORY = 3 * 2 ** 30;
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

/** CPU time of the client and of Redis in µs, per call or per job: user and system. */
export interface CpuMicros {
  readonly client: number;
  readonly redis: number;
}

/** Duration of a call, in milliseconds, and its CPU time. */
export interface CallTime {
  readonly call: string;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly cpu: CpuMicros;
}

/** Duration of a work on all jobs, and its CPU time per job. */
export interface WorkTime {
  readonly seconds: number;
  readonly cpu: CpuMicros;
}

export interface LargeStore {
  /** Number of stored jobs. It is smaller than requested if the memory was short. */
  readonly jobs: number;
  readonly fill: WorkTime;
  readonly redisMb: number;
  readonly calls: readonly CallTime[];
  /** Starts the audit. The caller prints the results of the calls before, because the audit takes long. */
  audit(): Promise<WorkTime & { readonly problems: readonly string[] }>;
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

/** Fills a store without persistence, measures the calls that read it, and audits it. */
export async function largeStore(
  wanted: number,
  log: (line: string) => void,
  use: (result: LargeStore) => Promise<void>,
): Promise<void> {
  await using redis = await startRedis();
  await using store = createJobStore({ job: definition, driver: redisDriver({ url: redis.url, timeoutMs: 60_000 }) });
  await using dashboard = createDashboard({ stores: { orders: { store } }, may: () => true });
  const admin = new Redis(redis.url);
  const createdAt = Date.now() - wanted;
  let jobs = 0;
  const fill = await measured(async () => {
    while (jobs < wanted) {
      const first = jobs;
      const numbers = Array.from({ length: Math.min(BATCH, wanted - first) }, (_, index) => first + index);
      await Promise.all(numbers.map((number) => store.save(jobOf(number, new Date(createdAt + number)))));
      jobs += numbers.length;
      if (jobs % (BATCH * 100) !== 0) continue;
      log(`${jobs.toLocaleString("en")} jobs`);
      if (process.availableMemory() < LEAST_MEMORY) break;
    }
    return jobs;
  });
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
    await timed("dashboard: overview", () => view("overview", {})),
    await timed("dashboard: page of a status and a field", () => view("jobs", { status: "failed", where })),
  ];
  await use({ jobs, fill, redisMb: await usedMemoryMb(admin), calls, audit });
  admin.disconnect();

  async function audit() {
    const problems: string[] = [];
    const work = await measured(async () => {
      const report = await store.audit();
      if (report.jobs !== jobs) problems.push(`the audit found ${report.jobs} of ${jobs} jobs`);
      if (report.missingFromIndex + report.staleInIndex + report.unreadable > 0)
        problems.push(`audit: ${JSON.stringify(report)}`);
      return jobs;
    });
    const total = Object.values(await store.counts()).reduce((sum, count) => sum + count, 0);
    if (total !== jobs) problems.push(`${total} of ${jobs} jobs are counted`);
    return { ...work, problems };
  }

  async function info(section: string, name: string): Promise<number> {
    return Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(await admin.info(section))?.[1]);
  }

  async function redisMicros(): Promise<number> {
    return 1e6 * ((await info("cpu", "used_cpu_user")) + (await info("cpu", "used_cpu_sys")));
  }

  /** Runs a work, which returns the number of its jobs or calls. */
  async function measured(work: () => Promise<number>): Promise<WorkTime> {
    const [server, client, started] = [await redisMicros(), process.cpuUsage(), performance.now()];
    const count = await work();
    const seconds = (performance.now() - started) / 1_000;
    const { user, system } = process.cpuUsage(client);
    return { seconds, cpu: { client: (user + system) / count, redis: ((await redisMicros()) - server) / count } };
  }

  async function timed(call: string, run: () => Promise<unknown>): Promise<CallTime> {
    const times: number[] = [];
    const { cpu } = await measured(async () => {
      for (let round = 0; round < REPETITIONS; round++) {
        const start = performance.now();
        await run();
        times.push(performance.now() - start);
      }
      return REPETITIONS;
    });
    return { call, medianMs: quantile(times, 0.5), p99Ms: quantile(times, 0.99), cpu };
  }

  /** Sends a request of the dashboard's page to its handler. */
  async function view(call: string, body: object): Promise<void> {
    const response = await dashboard.fetch(
      new Request(`http://dashboard.example/?call=${call}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ store: "orders", ...body }),
      }),
    );
    if (!response.ok)
      throw new Error(`The dashboard replied to "${call}" with ${response.status}: ${await response.text()}`);
    await response.text();
  }
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
