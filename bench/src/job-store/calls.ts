import { storeDurations } from "../harness/durations.js";
import { measureAll, type Result, ratioOf, tableOf } from "../harness/measure.js";
import { median } from "../harness/statistics.js";
import type { Plot, Ratio, Section, Suite, Wanted } from "../harness/suite.js";
import { BEE, BULL, type Method, openLibraries, PLAIN, RAW, STORE } from "./libraries.js";
import { benchRedis } from "./redis.js";

const CONCURRENCIES = [1, 64, 1000] as const;

/** Targets of the ratios of the store and another library. */
const WANTED: Readonly<Record<Method, readonly (readonly [string, Wanted])[]>> = {
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

const METHODS: readonly Method[] = ["get", "create", "updateStatus", "delete"];

/** The four calls on one job, one at a time, 64 at a time and 1000 at a time. */
export const calls: Suite = {
  name: "calls",
  measure: async (run) => {
    await using redis = await benchRedis();
    await using libraries = await openLibraries(redis);
    const sections: Section[] = [];
    for (const method of METHODS) {
      const results = new Map<number, ReadonlyMap<string, Result>>();
      for (const concurrency of CONCURRENCIES) {
        results.set(
          concurrency,
          await measureAll(libraries.of[method], { ...storeDurations(run), concurrency, serverCpu: redis.cpu }),
        );
      }
      sections.push(...CONCURRENCIES.map((concurrency) => section(method, concurrency, results)));
    }
    return sections;
  },
};

function section(
  method: Method,
  concurrency: number,
  results: ReadonlyMap<number, ReadonlyMap<string, Result>>,
): Section {
  const found = results.get(concurrency) ?? new Map();
  return {
    title: `${method}, ${concurrency === 1 ? "one at a time" : `${concurrency} at a time`}`,
    about: "Jobs of 600 bytes with ids of 36 characters.",
    table: tableOf(found, concurrency === 1 ? PLAIN : RAW),
    ratios: ratiosOf(method, concurrency, found),
    ...(concurrency === 64 && { plot: plotOf(method, found) }),
  };
}

function ratiosOf(method: Method, concurrency: number, found: ReadonlyMap<string, Result>): readonly Ratio[] {
  if (concurrency === 64) {
    const rates = WANTED[method].map(([other, wanted]) =>
      ratioOf(found, [STORE, other], { name: `${method}, 64 at a time: store / ${other}`, of: "rate", wanted }),
    );
    return method === "get" ? [...rates, cpuOfGet(found)] : rates;
  }
  if (concurrency !== 1) return [];
  const wanted = { atMost: method === "updateStatus" ? 1.35 : 1.2 };
  return [
    ratioOf(found, [STORE, PLAIN], { name: `${method}, one at a time, p50: store / ${PLAIN}`, of: "p50", wanted }),
  ];
}

/** Compares the CPU time of the client, which does most of the work of a read. Other load of the machine affects it less than the rate. */
function cpuOfGet(found: ReadonlyMap<string, Result>): Ratio {
  const name = `get, 64 at a time, CPU of the client: store / ${RAW}`;
  return ratioOf(found, [STORE, RAW], { name, of: "client", wanted: { atMost: 0.8 } });
}

function plotOf(method: Method, found: ReadonlyMap<string, Result>): Plot {
  const bars = [...found.values()].map(({ candidate, perSecond }) => ({
    title: candidate.name,
    value: median(perSecond),
    ours: candidate.name === STORE,
  }));
  return { name: method, title: `${method}, 64 at a time`, unit: "calls per second", groups: [{ title: "", bars }] };
}
