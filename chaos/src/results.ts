import { appendFile, readFile } from "node:fs/promises";
import type { Violation } from "./checker/recording.js";
import type { WorkStatistics } from "./checker/work.js";
import type { RoundResult } from "./round.js";

/** Result of a round as it is stored: one line of the results file. */
export interface StoredResult extends Omit<RoundResult, "faults" | "mutated"> {
  readonly at: string;
  /** Number of faults by kind. */
  readonly faults: Readonly<Record<string, number>>;
}

const MAX_STORED_VIOLATIONS = 50;
const MAX_PRINTED_VIOLATIONS = 20;

export function toStored({ faults, violations, mutated: _, ...result }: RoundResult): StoredResult {
  return {
    at: new Date().toISOString(),
    ...result,
    faults: countByName(faults.map(({ kind }) => kind)),
    violations: violations.slice(0, MAX_STORED_VIOLATIONS),
  };
}

export async function append(file: string, result: StoredResult): Promise<void> {
  await appendFile(file, `${JSON.stringify(result)}\n`);
}

/** Reads the last result of each seed. */
export async function readResults(file: string): Promise<readonly StoredResult[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const results = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): StoredResult => JSON.parse(line));
  return [...new Map(results.map((result) => [result.seed, result])).values()];
}

/** Sums of the results of several seeds. */
export interface Totals {
  readonly seeds: number;
  readonly operations: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly events: number;
  readonly messages: { readonly distinct: number; readonly repeated: number };
  readonly work: WorkStatistics;
  readonly faults: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly violations: readonly (Violation & { readonly seed: number })[];
}

export function totalsOf(results: readonly StoredResult[]): Totals {
  const sum = (of: (result: StoredResult) => number) => results.reduce((all, result) => all + of(result), 0);
  return {
    seeds: results.length,
    operations: sum(({ operations }) => operations),
    outcomes: addCounts(results.map(({ outcomes }) => outcomes)),
    events: sum(({ events }) => events),
    messages: {
      distinct: sum(({ messages }) => messages.distinct),
      repeated: sum(({ messages }) => messages.received - messages.distinct),
    },
    work: {
      orders: sum(({ work }) => work.orders),
      runs: sum(({ work }) => work.runs),
      takeovers: sum(({ work }) => work.takeovers),
      ofKilled: sum(({ work }) => work.ofKilled),
    },
    faults: addCounts(results.map(({ faults }) => faults)),
    slowestMs: Math.max(0, ...results.map(({ slowestMs }) => slowestMs)),
    violations: results.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, ...violation }))),
  };
}

export function countByName(names: readonly string[]): Record<string, number> {
  return addCounts(names.map((name) => ({ [name]: 1 })));
}

function addCounts(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((one) => Object.entries(one))) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

/** Formats the result of one seed as one line. */
export function lineOf({ seed, operations, faults, slowestMs, violations }: StoredResult): string {
  const verdict = violations.length === 0 ? "no violation" : `${violations.length} VIOLATIONS`;
  return `seed ${seed}: ${formatted(operations)} operations, ${sumOf(faults)} faults, slowest call ${slowestMs} ms, ${verdict}`;
}

/** Formats the totals as human-readable text. */
export function summaryOf({
  operations,
  faults,
  seeds,
  violations,
  outcomes,
  events,
  messages,
  work,
  slowestMs,
}: Totals): string {
  return [
    `${formatted(operations)} operations, ${formatted(sumOf(faults))} faults, ${seeds} seeds, ${violations.length} violations`,
    "",
    "Operations by outcome",
    ...table(outcomes),
    "",
    `${formatted(events)} events, ${formatted(messages.distinct)} messages, ${formatted(messages.repeated)} repeated deliveries, slowest call ${slowestMs} ms`,
    `${formatted(work.orders)} orders, ${formatted(work.runs)} runs, ${formatted(work.takeovers)} of them after the lease of another run had ended (${formatted(work.ofKilled)} of killed processes)`,
    "",
    "Faults",
    ...table(faults),
    ...(violations.length === 0
      ? []
      : ["", "Violations", ...violations.slice(0, MAX_PRINTED_VIOLATIONS).map(described)]),
  ].join("\n");
}

function described({ seed, guarantee, about, details }: Totals["violations"][number]): string {
  return `  seed ${seed}: ${guarantee}\n    ${about}: ${details}`;
}

function table(counts: Readonly<Record<string, number>>): readonly string[] {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return rows.map(([name, count]) => `${formatted(count).padStart(12)}  ${name}`);
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

function formatted(value: number): string {
  return value.toLocaleString("en");
}
