import { appendFile, readFile } from "node:fs/promises";
import type { Violation } from "./oracle/run.js";
import type { Verdict } from "./round.js";

/** What is kept of a round: a line of the results file. */
export interface Result extends Omit<Verdict, "faults" | "cut"> {
  readonly at: string;
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>;
}

/** A violation too many says no more than the first ones. */
const VIOLATIONS_KEPT = 50;

export function toResult({ faults, violations, cut: _, ...verdict }: Verdict): Result {
  const at = new Date().toISOString();
  return {
    at,
    ...verdict,
    faults: counted(faults.map(({ kind }) => kind)),
    violations: violations.slice(0, VIOLATIONS_KEPT),
  };
}

export async function append(file: string, result: Result): Promise<void> {
  await appendFile(file, `${JSON.stringify(result)}\n`);
}

/** The last result of each seed. */
export async function readResults(file: string): Promise<readonly Result[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const results = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Result => JSON.parse(line));
  return [...new Map(results.map((result) => [result.seed, result])).values()];
}

export interface Totals {
  readonly seeds: number;
  readonly operations: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly events: number;
  readonly messages: { readonly distinct: number; readonly repeated: number };
  readonly faults: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly violations: readonly (Violation & { readonly seed: number })[];
}

export function sum(results: readonly Result[]): Totals {
  const total = (of: (result: Result) => number) => results.reduce((all, result) => all + of(result), 0);
  return {
    seeds: results.length,
    operations: total(({ operations }) => operations),
    outcomes: added(results.map(({ outcomes }) => outcomes)),
    events: total(({ events }) => events),
    messages: {
      distinct: total(({ messages }) => messages.distinct),
      repeated: total(({ messages }) => messages.received - messages.distinct),
    },
    faults: added(results.map(({ faults }) => faults)),
    slowestMs: Math.max(0, ...results.map(({ slowestMs }) => slowestMs)),
    violations: results.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, ...violation }))),
  };
}

export function counted(names: readonly string[]): Record<string, number> {
  return added(names.map((name) => ({ [name]: 1 })));
}

function added(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((one) => Object.entries(one))) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
