import { type Contender, contest, type Result, ratioOf, tableOf } from "../frame/contest.js";
import type { Run, Section, Suite, Wanted } from "../frame/suite.js";
import { BULL, PYTHON, STORE } from "./contenders.js";
import { effort } from "./effort.js";
import { type BenchRedis, benchRedis } from "./redis.js";
import { fillPython, fillStocks, type Stocks } from "./stocks.js";

const LIMIT = "MGET of 50, JSON.parse";
const CARDS = "a pipeline of ZCARD";
const PAGE = 50;

/** More than this the Python way is not asked to read. */
const MOST_SCANNED = 1_000;

/** What depends on how many jobs there are, or should not: pages, counts and memory. */
export const pages: Suite = {
  name: "pages",
  measure: async (run) => {
    await using redis = await benchRedis();
    const sections: Section[] = [];
    for (const count of run.full ? [1_000, 100_000, 1_000_000] : [1_000, 100_000]) {
      run.say(`  ${count.toLocaleString("en")} jobs …`);
      await using stocks = await fillStocks(redis, count);
      const python = count <= MOST_SCANNED ? [await scanning(redis, count)] : [];
      const of = { run, redis, count };
      sections.push(await page(of, [...(await pageContenders(stocks)), ...python]));
      sections.push(await counts(of, countContenders(stocks)));
      if (count > 1_000) sections.push(memory(of, stocks));
    }
    return sections;
  },
};

interface Of {
  readonly run: Run;
  readonly redis: BenchRedis;
  readonly count: number;
}

function among({ count }: Of): string {
  return `among ${count.toLocaleString("en")} jobs`;
}

function race({ run, redis }: Of, contenders: readonly Contender[]): Promise<ReadonlyMap<string, Result>> {
  return contest(contenders, { ...effort(run), concurrency: 1, serverCpu: redis.cpu });
}

async function pageContenders({ store, bull, raw }: Stocks): Promise<readonly Contender[]> {
  const { items } = await store.list({ status: "downloading", limit: PAGE });
  const keys = items.map(({ id }) => `job:${id}`);
  return [
    {
      name: STORE,
      guarantees: "newest first, exact: neither dead nor foreign jobs; parsed and validated; a cursor; settles in time",
      work: () => store.list({ status: "downloading", limit: PAGE }),
    },
    {
      name: LIMIT,
      guarantees: "none; the keys are known before",
      work: async () => (await raw.mget(keys)).map((text) => JSON.parse(text ?? "null")),
    },
    { name: BULL, guarantees: "in order; parsed", work: () => bull.getJobs(["waiting"], 0, PAGE - 1) },
  ];
}

/** All there are, to filter and to sort them afterwards. */
async function scanning(redis: BenchRedis, count: number): Promise<Contender> {
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

async function page(of: Of, contenders: readonly Contender[]): Promise<Section> {
  const found = await race(of, contenders);
  const ratio = (other: string, name: string, what: "p50" | "rate" | "client", wanted: Wanted) =>
    ratioOf(found, [STORE, other], { name: `page of 50 ${among(of)}${name}: store / ${other}`, of: what, wanted });
  return {
    title: `page of 50 by status ${among(of)}`,
    about: "The newest, one page at a time.",
    table: tableOf(found, LIMIT),
    ratios: [
      ratio(LIMIT, ", p50", "p50", { atMost: 1.65 }),
      ratio(LIMIT, ", CPU of the client", "client", { atMost: 2 }),
      ratio(BULL, "", "rate", { atLeast: 4 }),
    ],
  };
}

function countContenders({ store, bull, raw }: Stocks): readonly Contender[] {
  const { statuses } = store.definition;
  return [
    { name: STORE, guarantees: "exact: what has expired does not count; settles in time", work: () => store.counts() },
    {
      name: CARDS,
      guarantees: `none; ${Object.keys(statuses).length} sets, one a status`,
      work: () => {
        const pipeline = raw.pipeline();
        for (const status of Object.keys(statuses)) pipeline.zcard(`status:${status}`);
        return pipeline.exec();
      },
    },
    { name: BULL, guarantees: "by state", work: () => bull.getJobCounts() },
  ];
}

async function counts(of: Of, contenders: readonly Contender[]): Promise<Section> {
  const found = await race(of, contenders);
  const name = `counts ${among(of)}: store / ${CARDS}`;
  return {
    title: `counts ${among(of)}`,
    about: "One call at a time.",
    table: tableOf(found, CARDS),
    ratios: [ratioOf(found, [STORE, CARDS], { name, of: "rate", wanted: { atLeast: 0.9 } })],
  };
}

function memory(of: Of, { bytes }: Stocks): Section {
  const same = (value: number) => ({ median: value, low: value, high: value });
  const row = (name: string, value: number, keeps: string) => [name, Math.round(value).toLocaleString("en"), keeps];
  return {
    title: `memory ${among(of)}`,
    about: "560 bytes of data, an id of 36 characters; ours have been created and moved once.",
    table: {
      head: ["", "bytes a job", "keeps"],
      rows: [
        row(STORE, bytes.store, "two entries of history, operation ids, two indexes; the event log is included"),
        row(BULL, bytes.bull, "no history; its state; its events are included"),
      ],
    },
    ratios: [{ name: `bytes a job ${among(of)}`, value: same(bytes.store), wanted: { atMost: 1250 } }],
  };
}
