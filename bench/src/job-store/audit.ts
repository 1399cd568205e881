import { createJobStore, defineJob, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { z } from "zod";
import type { Section, Suite } from "../frame/suite.js";
import { data } from "./jobs.js";
import { type BenchRedis, benchRedis } from "./redis.js";

const indexed = defineJob({
  name: "film",
  data: z.object({ videoUrl: z.string(), videoTitle: z.string(), language: z.string(), notes: z.string() }),
  initial: "wanted",
  statuses: { wanted: { next: ["wanted", "done"] }, done: { next: [], final: true } },
  index: { language: (data) => data.language },
});
type Store = JobStore<typeof indexed>;

/** Jobs that are created at once. */
const BATCH = 2000;

/** An audit of many jobs with one field: its rate, and the share of the server and of the client in it. */
export const audit: Suite = {
  name: "audit",
  measure: async ({ full, say }) => {
    const count = full ? 1_000_000 : 50_000;
    await using redis = await benchRedis();
    await using store = createJobStore({
      job: indexed,
      driver: redisDriver({ url: redis.url, timeoutMs: 60_000 }),
    });
    say(`  ${count.toLocaleString("en")} jobs …`);
    await fill(store, count);
    const { admin } = redis;
    const run = { redis, store, say };
    const found = [await measure("of a sound store", run, false)];
    await admin.del("jobs:by-creation");
    found.push(await measure("with repair, without the index by creation", run, true));
    return [section(count, found)];
  },
};

async function fill(store: Store, count: number): Promise<void> {
  for (let first = 0; first < count; first += BATCH) {
    await store.createMany(Array.from({ length: BATCH }, (_, n) => ({ data, id: `job-${first + n}` })));
  }
}

interface Found {
  readonly name: string;
  readonly rate: number;
  /** CPU time for each job, in µs. */
  readonly server: number;
  readonly client: number;
  /** Longest command, in ms. */
  readonly longest: number;
}

async function measure(
  name: string,
  { redis, store, say }: { readonly redis: BenchRedis; readonly store: Store; readonly say: (line: string) => void },
  repair: boolean,
): Promise<Found> {
  const { admin } = redis;
  await admin.config("SET", "slowlog-log-slower-than", "500", "slowlog-max-len", "100000");
  await admin.call("SLOWLOG", "RESET");
  const [server, client, begun] = [await redis.cpu(), process.cpuUsage(), performance.now()];
  const { jobs } = await store.audit({ repair });
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(client);
  const served = (await redis.cpu()) - server;
  const slow = (await admin.call("SLOWLOG", "GET", "-1")) as readonly (readonly [number, number, number])[];
  const found = {
    name,
    rate: (jobs / ms) * 1000,
    server: (served * 1000) / jobs,
    client: (user + system) / jobs,
    longest: Math.max(0.5, ...slow.map(([, , micros]) => micros / 1000)),
  };
  say(`  ${cellsOf(found).join(", ")}`);
  return found;
}

function cellsOf({ name, rate, server, client, longest }: Found): readonly string[] {
  return [name, Math.round(rate).toLocaleString("en"), server.toFixed(1), client.toFixed(1), longest.toFixed(1)];
}

function section(count: number, found: readonly Found[]): Section {
  const jobs = count.toLocaleString("en");
  const longest = Math.max(...found.map((one) => one.longest));
  return {
    title: `audit of ${jobs} jobs`,
    about:
      "Jobs of 600 bytes with one field. CPU time for each job, of the server's main thread and of the client. The longest " +
      "command is by the server's slow log, which has commands of 0.5 ms and more.",
    table: {
      head: ["", "jobs/s", "µs of the server", "µs of the client", "ms of the longest command"],
      rows: found.map(cellsOf),
    },
    ratios: [
      {
        name: "audit: ms of the longest command",
        value: { median: longest, low: longest, high: longest },
        wanted: { atMost: 20 },
      },
    ],
  };
}
