import { storeDurations } from "../harness/durations.js";
import { type Candidate, measureAll, type Result, ratioOf, tableOf } from "../harness/measure.js";
import type { Run, Section, Suite, Wanted } from "../harness/suite.js";
import { type Datasets, fillDatasets, fillPython } from "./datasets.js";
import { BULL, PYTHON, STORE } from "./libraries.js";
import { type BenchRedis, benchRedis } from "./redis.js";

const MGET = "MGET of 50, JSON.parse";
const ZCARD = "a pipeline of ZCARD";
const PAGE = 50;

/** Maximum number of jobs for the Python services, which read all jobs for each page. */
const MAX_SCANNED = 1_000;

/** Pages, counts and memory, with different numbers of stored jobs. */
export const pages: Suite = {
  name: "pages",
  measure: async (run) => {
    await using redis = await benchRedis();
    const sections: Section[] = [];
    for (const count of run.full ? [1_000, 100_000, 1_000_000] : [1_000, 100_000]) {
      run.log(`  ${count.toLocaleString("en")} jobs …`);
      await using datasets = await fillDatasets(redis, count);
      const python = count <= MAX_SCANNED ? [await scanning(redis, count)] : [];
      const parameters = { run, redis, count };
      sections.push(await page(parameters, [...(await pageCandidates(datasets)), ...python]));
      sections.push(await counts(parameters, countCandidates(datasets)));
      if (count > 1_000) sections.push(memory(parameters, datasets));
    }
    return sections;
  },
};

interface Parameters {
  readonly run: Run;
  readonly redis: BenchRedis;
  readonly count: number;
}

function among({ count }: Parameters): string {
  return `among ${count.toLocaleString("en")} jobs`;
}

function measureEach(
  { run, redis }: Parameters,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, Result>> {
  return measureAll(candidates, { ...storeDurations(run), concurrency: 1, serverCpu: redis.cpu });
}

async function pageCandidates({ store, bull, raw }: Datasets): Promise<readonly Candidate[]> {
  const { items } = await store.list({ status: "downloading", limit: PAGE });
  const keys = items.map(({ id }) => `job:${id}`);
  return [
    {
      name: STORE,
      guarantees: "newest first; no expired jobs, no jobs of other types; parsed and validated; cursor; timeout",
      work: () => store.list({ status: "downloading", limit: PAGE }),
    },
    {
      name: MGET,
      guarantees: "none; the keys are known in advance",
      work: async () => (await raw.mget(keys)).map((text) => JSON.parse(text ?? "null")),
    },
    { name: BULL, guarantees: "in order; parsed", work: () => bull.getJobs(["waiting"], 0, PAGE - 1) },
  ];
}

/** Reads all jobs, then filters them. */
async function scanning(redis: BenchRedis, count: number): Promise<Candidate> {
  const client = await fillPython(redis, count);
  const work = async () => {
    const jobs: { readonly status: string }[] = [];
    for await (const keys of client.scanStream({ match: "job:*" })) {
      for (const key of keys as string[]) jobs.push(JSON.parse((await client.get(key)) ?? "null"));
    }
    return jobs.filter(({ status }) => status === "downloading").slice(0, PAGE);
  };
  return { name: PYTHON, guarantees: "none; `SCAN`, a `GET` for each key", work };
}

async function page(parameters: Parameters, candidates: readonly Candidate[]): Promise<Section> {
  const found = await measureEach(parameters, candidates);
  const ratio = (other: string, name: string, what: "p50" | "rate" | "client", wanted: Wanted) =>
    ratioOf(found, [STORE, other], {
      name: `page of 50 ${among(parameters)}${name}: store / ${other}`,
      of: what,
      wanted,
    });
  return {
    title: `page of 50 by status ${among(parameters)}`,
    about: "The newest jobs, one page at a time.",
    table: tableOf(found, MGET),
    ratios: [
      ratio(MGET, ", p50", "p50", { atMost: 1.65 }),
      ratio(MGET, ", CPU of the client", "client", { atMost: 2 }),
      ratio(BULL, "", "rate", { atLeast: 4 }),
    ],
  };
}

function countCandidates({ store, bull, raw }: Datasets): readonly Candidate[] {
  const { statuses } = store.definition;
  return [
    { name: STORE, guarantees: "exact, without expired jobs; timeout", work: () => store.counts() },
    {
      name: ZCARD,
      guarantees: `none; ${Object.keys(statuses).length} sets, one per status`,
      work: () => {
        const pipeline = raw.pipeline();
        for (const status of Object.keys(statuses)) pipeline.zcard(`status:${status}`);
        return pipeline.exec();
      },
    },
    { name: BULL, guarantees: "by state", work: () => bull.getJobCounts() },
  ];
}

async function counts(parameters: Parameters, candidates: readonly Candidate[]): Promise<Section> {
  const found = await measureEach(parameters, candidates);
  const name = `counts ${among(parameters)}: store / ${ZCARD}`;
  return {
    title: `counts ${among(parameters)}`,
    about: "One call at a time.",
    table: tableOf(found, ZCARD),
    ratios: [ratioOf(found, [STORE, ZCARD], { name, of: "rate", wanted: { atLeast: 0.9 } })],
  };
}

function memory(parameters: Parameters, { bytes }: Datasets): Section {
  const same = (value: number) => ({ median: value, low: value, high: value });
  const row = (name: string, value: number, stores: string) => [name, Math.round(value).toLocaleString("en"), stores];
  return {
    title: `memory ${among(parameters)}`,
    about:
      "Jobs with 560 bytes of data and ids of 36 characters. The jobs of job-store were created, and changed their status once.",
    table: {
      head: ["", "bytes per job", "stores"],
      rows: [
        row(STORE, bytes.store, "two history entries, operation ids, two indexes, the event log"),
        row(BULL, bytes.bull, "state, events, no history"),
      ],
    },
    ratios: [{ name: `bytes per job ${among(parameters)}`, value: same(bytes.store), wanted: { atMost: 1250 } }],
  };
}
