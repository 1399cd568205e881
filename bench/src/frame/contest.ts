import { median, quantile, ratios } from "./statistics.js";
import type { Ratio, Table, Wanted } from "./suite.js";

/** One way to do the work. */
export interface Contender {
  readonly name: string;
  /** What it promises while it does that, for the table. */
  readonly guarantees: string;
  /** Called before each round for work that uses something up; its time does not count. */
  readonly prepare?: (count: number) => Promise<unknown>;
  /** The work, for the n-th time of a round. */
  readonly work: (n: number) => Promise<unknown>;
}

export interface ContestOptions {
  /** How many calls are under way at a time. */
  readonly concurrency: number;
  readonly rounds: number;
  /** As long as V8 takes to compile what is called, about; otherwise the first rounds would measure that. */
  readonly warmUpMs: number;
  /** How long a round of one contender takes, about. */
  readonly roundMs: number;
  /** Calls of a round at most. @default no limit */
  readonly most?: number;
  /** CPU time that the server has used so far, in ms. */
  readonly serverCpu: () => Promise<number>;
}

/** Of each round. */
export interface Result {
  readonly contender: Contender;
  readonly perSecond: readonly number[];
  /** CPU per call in µs: this process, and the server. */
  readonly clientMicros: readonly number[];
  readonly serverMicros: readonly number[];
  /** Of single calls, in µs; only measured one at a time, where looking at the clock costs nothing to speak of. */
  readonly latencies: readonly (readonly number[])[];
}

/** All contenders in each round, in turn; a different one begins each time. */
export async function contest(
  contenders: readonly Contender[],
  options: ContestOptions,
): Promise<ReadonlyMap<string, Result>> {
  const results = new Map(contenders.map((contender) => [contender.name, emptyResult(contender)]));
  const counts = new Map<string, number>();
  for (const contender of contenders) counts.set(contender.name, await calibrate(contender, options));
  for (let round = 0; round < options.rounds; round++) {
    const first = round % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const result = results.get(contender.name) ?? emptyResult(contender);
      await measure(contender, counts.get(contender.name) ?? 1, options, result);
    }
  }
  return results;
}

/** Warms up, and finds out how many calls fill a round. */
async function calibrate(contender: Contender, options: ContestOptions): Promise<number> {
  let count = options.concurrency * 4;
  let warm = 0;
  for (;;) {
    await contender.prepare?.(count);
    const begun = performance.now();
    await runAll(contender, count, options.concurrency);
    const ms = performance.now() - begun;
    warm += ms;
    const fitting = Math.ceil((count * options.roundMs) / Math.max(ms, 0.1));
    const most = options.most ?? fitting;
    if (warm >= options.warmUpMs) return Math.max(options.concurrency, Math.min(fitting, most));
    count = Math.min(fitting, count * 8, most);
  }
}

async function measure(
  contender: Contender,
  count: number,
  options: ContestOptions,
  result: ReturnType<typeof emptyResult>,
): Promise<void> {
  await contender.prepare?.(count);
  // A full collection would also throw away compiled code, which no service loses while it works.
  globalThis.gc?.({ type: "minor" });
  const serverBefore = await options.serverCpu();
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  const latencies = options.concurrency === 1 ? await runEach(contender, count) : [];
  if (options.concurrency > 1) await runAll(contender, count, options.concurrency);
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpuBefore);
  result.perSecond.push((count / ms) * 1000);
  result.clientMicros.push((user + system) / count);
  result.serverMicros.push((((await options.serverCpu()) - serverBefore) * 1000) / count);
  result.latencies.push(latencies);
}

async function runAll({ work }: Contender, count: number, concurrency: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

async function runEach({ work }: Contender, count: number): Promise<readonly number[]> {
  const latencies = new Array<number>(count);
  for (let n = 0; n < count; n++) {
    const begun = performance.now();
    await work(n);
    latencies[n] = (performance.now() - begun) * 1000;
  }
  return latencies;
}

function emptyResult(contender: Contender) {
  return {
    contender,
    perSecond: [] as number[],
    clientMicros: [] as number[],
    serverMicros: [] as number[],
    latencies: [] as (readonly number[])[],
  };
}

/** How one does beside another: in calls a second, in typical durations of calls one at a time, or in CPU of the client. */
export function ratioOf(
  results: ReadonlyMap<string, Result>,
  [ours, theirs]: readonly [string, string],
  what: { readonly name: string; readonly of: "rate" | "p50" | "client"; readonly wanted: Wanted },
): Ratio {
  const [a, b] = [ours, theirs].map((name) => {
    const result = results.get(name);
    if (result === undefined) throw new Error(`nobody called ${name} took part`);
    if (what.of === "client") return result.clientMicros;
    return what.of === "rate" ? result.perSecond : result.latencies.map(median);
  });
  return { name: what.name, value: ratios(a ?? [], b ?? []), wanted: what.wanted };
}

/** One row for each contender; `beside` is what the others are compared with. */
export function tableOf(results: ReadonlyMap<string, Result>, beside: string): Table {
  const base = results.get(beside);
  if (base === undefined) throw new Error(`nobody called ${beside} took part`);
  const rows = [...results.values()].map((result) => {
    const all = result.latencies.flat();
    const { median: times } = ratios(result.perSecond, base.perSecond);
    return [
      result.contender.name,
      Math.round(median(result.perSecond)).toLocaleString("en"),
      `${times.toFixed(2)} ×`,
      `${median(result.clientMicros).toFixed(1)} / ${median(result.serverMicros).toFixed(1)}`,
      all.length === 0 ? "" : `${Math.round(quantile(all, 0.5))} / ${Math.round(quantile(all, 0.99))}`,
      result.contender.guarantees,
    ];
  });
  const head = ["", "calls/s", `beside ${beside}`, "CPU µs: client / server", "µs: p50 / p99", "guarantees"];
  const timed = rows.some((row) => row[4] !== "");
  return timed ? { head, rows } : { head: head.toSpliced(4, 1), rows: rows.map((row) => row.toSpliced(4, 1)) };
}
