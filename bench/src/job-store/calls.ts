import { contest, type Result, ratioOf, tableOf } from "../frame/contest.js";
import { median } from "../frame/statistics.js";
import type { Plot, Ratio, Section, Suite, Wanted } from "../frame/suite.js";
import { BEE, BULL, openContenders, PLAIN, RAW, STORE, type Verb } from "./contenders.js";
import { effort } from "./effort.js";
import { benchRedis } from "./redis.js";

const CONCURRENCIES = [1, 64, 1000] as const;

/** What has to hold, of the store beside another. */
const WANTED: Readonly<Record<Verb, readonly (readonly [string, Wanted])[]>> = {
  get: [[RAW, { atLeast: 1.8 }]],
  create: [
    [RAW, { atLeast: 1.3 }],
    [BULL, { atLeast: 2.5 }],
    [BEE, { atLeast: 1.2 }],
  ],
  updateStatus: [
    [RAW, { atLeast: 1 }],
    [BULL, { atLeast: 3 }],
  ],
  delete: [
    [RAW, { atLeast: 1.3 }],
    [BULL, { atLeast: 15 }],
  ],
};

const VERBS: readonly Verb[] = ["get", "create", "updateStatus", "delete"];

/** The four calls on one job, one at a time, 64 at a time and 1000 at a time. */
export const calls: Suite = {
  name: "calls",
  measure: async (run) => {
    await using redis = await benchRedis();
    await using contenders = await openContenders(redis);
    const sections: Section[] = [];
    for (const verb of VERBS) {
      const results = new Map<number, ReadonlyMap<string, Result>>();
      for (const concurrency of CONCURRENCIES) {
        results.set(
          concurrency,
          await contest(contenders.of[verb], { ...effort(run), concurrency, serverCpu: redis.cpu }),
        );
      }
      sections.push(...CONCURRENCIES.map((concurrency) => section(verb, concurrency, results)));
    }
    return sections;
  },
};

function section(verb: Verb, concurrency: number, results: ReadonlyMap<number, ReadonlyMap<string, Result>>): Section {
  const found = results.get(concurrency) ?? new Map();
  return {
    title: `${verb}, ${concurrency === 1 ? "one at a time" : `${concurrency} at a time`}`,
    about: "Jobs of 600 bytes with ids of 36 characters.",
    table: tableOf(found, concurrency === 1 ? PLAIN : RAW),
    ratios: ratiosOf(verb, concurrency, found),
    ...(concurrency === 64 && { plot: plotOf(verb, found) }),
  };
}

function ratiosOf(verb: Verb, concurrency: number, found: ReadonlyMap<string, Result>): readonly Ratio[] {
  if (concurrency === 64) {
    const rates = WANTED[verb].map(([other, wanted]) =>
      ratioOf(found, [STORE, other], { name: `${verb}, 64 at a time: store / ${other}`, of: "rate", wanted }),
    );
    return verb === "get" ? [...rates, cpuOfGet(found)] : rates;
  }
  if (concurrency !== 1) return [];
  const wanted = { atMost: verb === "updateStatus" ? 1.35 : 1.2 };
  return [ratioOf(found, [STORE, PLAIN], { name: `${verb}, one at a time, p50: store / ${PLAIN}`, of: "p50", wanted })];
}

/** A read is mostly the client's work, and a busy machine changes this ratio less than the rate. */
function cpuOfGet(found: ReadonlyMap<string, Result>): Ratio {
  const name = `get, 64 at a time, CPU of the client: store / ${RAW}`;
  return ratioOf(found, [STORE, RAW], { name, of: "client", wanted: { atMost: 0.8 } });
}

function plotOf(verb: Verb, found: ReadonlyMap<string, Result>): Plot {
  const bars = [...found.values()].map(({ contender, perSecond }) => ({
    title: contender.name,
    value: median(perSecond),
    ours: contender.name === STORE,
  }));
  return { name: verb, title: `${verb}, 64 at a time`, unit: "calls a second", groups: [{ title: "", bars }] };
}
