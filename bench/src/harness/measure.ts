import { median, quantile, ratios } from "./statistics.js";
import type { Ratio, Table, Wanted } from "./suite.js";

/** Implementation of the same work that is compared with others: a library, or a variant of this project. */
export interface Candidate {
  readonly name: string;
  /** Guarantees of the implementation, for the table. */
  readonly guarantees: string;
  /** Creates the data for a round. Its time is not measured. */
  readonly prepare?: (count: number) => Promise<unknown>;
  /** Does the work. `n` is the number of the call in the round, from 0. */
  readonly work: (n: number) => Promise<unknown>;
}

export interface MeasureOptions {
  /** Number of concurrent calls. */
  readonly concurrency: number;
  readonly rounds: number;
  /** Approximate duration of the warm-up, in which V8 compiles the code. */
  readonly warmUpMs: number;
  /** Approximate duration of a round of one candidate. */
  readonly roundMs: number;
  /** Maximum number of calls of a round. @default no limit */
  readonly maxCalls?: number;
  /** Returns the CPU time that the server has used since its start, in ms. */
  readonly serverCpu: () => Promise<number>;
}

/** Result of a candidate. Each array has one element per round. */
export interface Result {
  readonly candidate: Candidate;
  readonly perSecond: readonly number[];
  /** CPU time per call in µs, of this process and of the server. */
  readonly clientMicros: readonly number[];
  readonly serverMicros: readonly number[];
  /** Durations of the single calls in µs. Empty for concurrent calls. */
  readonly latencies: readonly (readonly number[])[];
}

/** Measures all candidates in each round, one after another. Each round starts with another candidate. */
export async function measureAll(
  candidates: readonly Candidate[],
  options: MeasureOptions,
): Promise<ReadonlyMap<string, Result>> {
  const results = new Map(candidates.map((candidate) => [candidate.name, emptyResult(candidate)]));
  const counts = new Map<string, number>();
  for (const candidate of candidates) counts.set(candidate.name, await calibrate(candidate, options));
  for (let round = 0; round < options.rounds; round++) {
    const first = round % candidates.length;
    for (const candidate of [...candidates.slice(first), ...candidates.slice(0, first)]) {
      const result = results.get(candidate.name) ?? emptyResult(candidate);
      await measure(candidate, counts.get(candidate.name) ?? 1, options, result);
    }
  }
  return results;
}

/** Warms up. Returns the number of calls of a round. */
async function calibrate(candidate: Candidate, options: MeasureOptions): Promise<number> {
  let count = options.concurrency * 4;
  let warm = 0;
  for (;;) {
    await candidate.prepare?.(count);
    const start = performance.now();
    await runAll(candidate, count, options.concurrency);
    const ms = performance.now() - start;
    warm += ms;
    const fitting = Math.ceil((count * options.roundMs) / Math.max(ms, 0.1));
    const max = options.maxCalls ?? fitting;
    if (warm >= options.warmUpMs) return Math.max(options.concurrency, Math.min(fitting, max));
    count = Math.min(fitting, count * 8, max);
  }
}

async function measure(
  candidate: Candidate,
  count: number,
  options: MeasureOptions,
  result: ReturnType<typeof emptyResult>,
): Promise<void> {
  await candidate.prepare?.(count);
  // A full collection would also discard compiled code. That does not happen in a busy service.
  globalThis.gc?.({ type: "minor" });
  const serverBefore = await options.serverCpu();
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const latencies = options.concurrency === 1 ? await runEach(candidate, count) : [];
  if (options.concurrency > 1) await runAll(candidate, count, options.concurrency);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuBefore);
  result.perSecond.push((count / ms) * 1000);
  result.clientMicros.push((user + system) / count);
  result.serverMicros.push((((await options.serverCpu()) - serverBefore) * 1000) / count);
  result.latencies.push(latencies);
}

async function runAll({ work }: Candidate, count: number, concurrency: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

async function runEach({ work }: Candidate, count: number): Promise<readonly number[]> {
  const latencies = new Array<number>(count);
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    await work(n);
    latencies[n] = (performance.now() - start) * 1000;
  }
  return latencies;
}

function emptyResult(candidate: Candidate) {
  return {
    candidate,
    perSecond: [] as number[],
    clientMicros: [] as number[],
    serverMicros: [] as number[],
    latencies: [] as (readonly number[])[],
  };
}

/** Compares two candidates: calls per second, median duration of a single call, or CPU time of the client. */
export function ratioOf(
  results: ReadonlyMap<string, Result>,
  [ours, theirs]: readonly [string, string],
  comparison: { readonly name: string; readonly of: "rate" | "p50" | "client"; readonly wanted: Wanted },
): Ratio {
  const [a, b] = [ours, theirs].map((name) => {
    const result = results.get(name);
    if (result === undefined) throw new Error(`No candidate has the name "${name}".`);
    if (comparison.of === "client") return result.clientMicros;
    return comparison.of === "rate" ? result.perSecond : result.latencies.map(median);
  });
  return { name: comparison.name, value: ratios(a ?? [], b ?? []), wanted: comparison.wanted };
}

/** Returns a table with one row per candidate. The calls per second are also given relative to `baseline`. */
export function tableOf(results: ReadonlyMap<string, Result>, baseline: string): Table {
  const base = results.get(baseline);
  if (base === undefined) throw new Error(`No candidate has the name "${baseline}".`);
  const rows = [...results.values()].map((result) => {
    const all = result.latencies.flat();
    const { median: times } = ratios(result.perSecond, base.perSecond);
    return [
      result.candidate.name,
      Math.round(median(result.perSecond)).toLocaleString("en"),
      `${times.toFixed(2)} ×`,
      `${median(result.clientMicros).toFixed(1)} / ${median(result.serverMicros).toFixed(1)}`,
      all.length === 0 ? "" : `${Math.round(quantile(all, 0.5))} / ${Math.round(quantile(all, 0.99))}`,
      result.candidate.guarantees,
    ];
  });
  const head = ["", "calls/s", `vs. ${baseline}`, "CPU µs: client / server", "µs: p50 / p99", "guarantees"];
  const timed = rows.some((row) => row[4] !== "");
  return timed ? { head, rows } : { head: head.toSpliced(4, 1), rows: rows.map((row) => row.toSpliced(4, 1)) };
}
