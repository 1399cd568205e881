import { createJobStore, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import type { Redis } from "ioredis";
import type { Section, Suite } from "../frame/suite.js";
import { data, forEach, newIds, subtitleJob } from "./jobs.js";
import { benchRedis } from "./redis.js";

type Store = JobStore<typeof subtitleJob>;

const MIB = 1024 * 1024;
/** The last one is a little less than the default `maxRecordBytes`, so that it has room for its history. */
const SIZES = [
  { title: "600 B", bytes: 600 },
  { title: "100 KB", bytes: 100_000 },
  { title: "1 MiB", bytes: MIB },
  { title: "4 MiB", bytes: 4 * MIB - 65_536 },
] as const;

/** More than one script may have, whatever the size. */
const JOBS = 64;

/** How long the server is busy with one command at most, while records are of one size. */
interface Found {
  readonly title: string;
  readonly alone: number;
  readonly batch: number;
  readonly sameJob: number;
  readonly page: number;
}

/** The longest command for large records: Redis serves no other client during it. */
export const large: Suite = {
  name: "large",
  measure: async ({ full, say }) => {
    const found: Found[] = [];
    for (const { title, bytes } of SIZES) {
      say(`  records of ${title} …`);
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

/** In ms, by the server's slow log. */
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
  // One record of 4 MiB is more than one script may have of several.
  const several = Math.max(...found.slice(0, -1).flatMap(({ batch, page }) => [batch, page]));
  return {
    title: "the longest command for large records",
    about:
      `The server's own time for its longest command, in ms (SLOWLOG). ${JOBS} jobs; the changes are calls of updateStatus. ` +
      "One command has at most 2 MiB of records, or one record, so a batch of records of 4 MiB is one record at a time.",
    table: {
      head: ["records of", "one change", `${JOBS} changes of as many jobs`, `${JOBS} changes of one job`, "page of 50"],
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
