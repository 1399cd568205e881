import { createJobStore, defineJob, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { storeDurations } from "../harness/durations.js";
import { measureAll, type Result, tableOf } from "../harness/measure.js";
import { median, ratios } from "../harness/statistics.js";
import type { Run, Section, Suite } from "../harness/suite.js";
import { data, forEach, subtitleJob } from "./jobs.js";
import { type BenchRedis, benchRedis } from "./redis.js";

const indexed = defineJob({ ...subtitleJob, index: { language: (job) => job.language } });
type Store = JobStore<typeof indexed>;

const LANGUAGES = ["en", "es", "fr", "de", "it", "pt", "pl", "nl", "sv", "da"];
const FIELD = "counts of one language";
const ALL = "counts of all jobs";
/** Smallest number of jobs, with which the others are compared. */
const FEW = 1_000;

/** Counts of the jobs with one value in an index field, with different numbers of stored jobs. */
export const fields: Suite = {
  name: "fields",
  measure: async (run) => {
    await using redis = await benchRedis();
    await using store = createJobStore({ job: indexed, driver: redisDriver({ url: redis.url, timeoutMs: 60_000 }) });
    const sections: Section[] = [];
    let few: Result | undefined;
    let stored = 0;
    for (const count of run.full ? [FEW, 1_000_000] : [FEW, 100_000]) {
      run.log(`  ${count.toLocaleString("en")} jobs …`);
      await fill(store, stored, count);
      stored = count;
      const found = await measure(run, redis, store);
      const ofField = found.get(FIELD);
      sections.push(section(count, found, few === undefined || ofField === undefined ? [] : [few, ofField]));
      few ??= ofField;
    }
    return sections;
  },
};

/** Creates jobs until there are `until`. Half of them are in the second status. */
async function fill(store: Store, from: number, until: number): Promise<void> {
  const numbers = Array.from({ length: until - from }, (_, n) => from + n);
  await forEach(numbers, async (n) => {
    const { job } = await store.create({ ...data, language: LANGUAGES[n % LANGUAGES.length] ?? "" });
    if (n % 2 === 0) await store.updateStatus(job.id, "downloading");
  });
}

function measure(run: Run, redis: BenchRedis, store: Store): Promise<ReadonlyMap<string, Result>> {
  const candidates = [
    { name: FIELD, guarantees: "exact, without expired jobs", work: () => store.counts({ where: { language: "es" } }) },
    { name: ALL, guarantees: "exact, without expired jobs", work: () => store.counts() },
  ];
  return measureAll(candidates, { ...storeDurations(run), concurrency: 1, serverCpu: redis.cpu });
}

function section(count: number, found: ReadonlyMap<string, Result>, compared: readonly Result[]): Section {
  const jobs = count.toLocaleString("en");
  const [few, many] = compared.map(({ latencies }) => latencies.map(median));
  return {
    title: `counts of a field among ${jobs} jobs`,
    about: `One call at a time. Jobs of 600 bytes with one index field, which has ${LANGUAGES.length} values.`,
    table: tableOf(found, ALL),
    ratios:
      few === undefined || many === undefined
        ? []
        : [
            {
              name: `counts of a field, p50: ${jobs} jobs / ${FEW.toLocaleString("en")} jobs`,
              value: ratios(many, few),
              wanted: { atMost: 1.5 },
            },
          ],
  };
}
