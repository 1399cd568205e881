import { createJobStore, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import type { Redis } from "ioredis";
import type { Section, Suite } from "../harness/suite.js";
import { data, forEach, newIds, subtitleJob } from "./jobs.js";
import { benchRedis } from "./redis.js";

type Store = JobStore<typeof subtitleJob>;

const MIB = 1024 * 1024;
/** Sizes of the records. The last one is a little below the default `maxRecordBytes`, so that the history fits. */
const SIZES = [
  { title: "600 B", bytes: 600 },
  { title: "100 KB", bytes: 100_000 },
  { title: "1 MiB", bytes: MIB },
  { title: "4 MiB", bytes: 4 * MIB - 65_536 },
] as const;

/** Number of jobs. More than the maximum of one script, for every size. */
const JOBS = 64;

/** Durations in ms of the longest command, for records of one size. */
interface Found {
  readonly title: string;
  readonly alone: number;
  readonly batch: number;
  readonly sameJob: number;
  readonly page: number;
}

/** Duration of the longest command for large records. Redis serves no other client during a command. */
export const large: Suite = {
  name: "large",
  measure: async ({ full, log }) => {
    const found: Found[] = [];
    for (const { title, bytes } of SIZES) {
      log(`  records of ${title} …`);
      await using redis = await benchRedis();
      await using store = createJobStore({
        job: subtitleJob,
        driver: redisDriver({ url: redis.url, timeoutMs: 120_000 }),
      });
      found.push({ title, ...(await measure(store, redis.admin, bytes, full ? 10 : 3)) });
    }
    return [section(found)];
  },
};

async function measure(store: Store, admin: Redis, bytes: number, rounds: number): Promise<Omit<Found, "title">> {
  const notes = "x".repeat(Math.max(0, bytes - 600) + data.notes.length);
  const ids = newIds(JOBS);
  await forEach(ids, (id) => store.create({ ...data, notes }, { id }));
  const change = (id: string) => store.updateStatus(id, "downloading");
  const [first = ""] = ids;
  const longest = (work: () => Promise<unknown>) => longestCommand(admin, rounds, work);
  return {
    alone: await longest(() => change(first)),
    batch: await longest(() => Promise.all(ids.map(change))),
    sameJob: await longest(() => Promise.all(ids.map(() => change(first)))),
    page: await longest(() => store.list({ limit: 50 })),
  };
}

/** Returns the duration in ms of the longest command in the slow log of the server. */
async function longestCommand(admin: Redis, rounds: number, work: () => Promise<unknown>): Promise<number> {
  await admin.config("SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "100000");
  let longest = 0;
  for (let round = 0; round < rounds; round++) {
    await admin.call("SLOWLOG", "RESET");
    await work();
    const entries = (await admin.call("SLOWLOG", "GET", "-1")) as readonly (readonly [
      number,
      number,
      number,
      string[],
    ])[];
    const times = entries.filter(([, , , [command]]) => command !== "SLOWLOG").map(([, , micros]) => micros);
    longest = Math.max(longest, ...times);
  }
  return longest / 1000;
}

function section(found: readonly Found[]): Section {
  const ms = (value: number) => value.toFixed(1);
  // A batch of records of 4 MiB is sent as one script per record, so it is not included.
  const several = Math.max(...found.slice(0, -1).flatMap(({ batch, page }) => [batch, page]));
  return {
    title: "the longest command for large records",
    about:
      `Duration of the longest command on the server, in ms (SLOWLOG). ${JOBS} jobs. The changes are calls of updateStatus. ` +
      "One command contains at most 2 MiB of records, or one record, so records of 4 MiB are never batched.",
    table: {
      head: ["records of", "one change", `${JOBS} changes of ${JOBS} jobs`, `${JOBS} changes of one job`, "page of 50"],
      rows: found.map(({ title, alone, batch, sameJob, page }) => [title, ms(alone), ms(batch), ms(sameJob), ms(page)]),
    },
    ratios: [
      {
        name: "large records: ms of the longest command for several jobs",
        value: { median: several, low: several, high: several },
        wanted: { atMost: 50 },
      },
    ],
  };
}
