import type { Result, Totals } from "./results.js";

/** A line for each seed as it ends. */
export function lineOf({ seed, operations, faults, slowestMs, violations }: Result): string {
  const harm = Object.values(faults).reduce((all, count) => all + count, 0);
  const verdict = violations.length === 0 ? "no violation" : `${violations.length} VIOLATIONS`;
  return `seed ${seed}: ${number(operations)} operations, ${harm} faults, slowest call ${slowestMs} ms, ${verdict}`;
}

/** The totals, for people. */
export function summary(totals: Totals): string {
  const harm = Object.values(totals.faults).reduce((all, count) => all + count, 0);
  return [
    `${number(totals.operations)} operations, ${number(harm)} faults, ${totals.seeds} seeds, ${totals.violations.length} violations`,
    "",
    "Operations by how they ended",
    ...table(totals.outcomes),
    "",
    `Changes ${number(totals.events)}, messages ${number(totals.messages.distinct)} and ${number(totals.messages.repeated)} repeats of them, slowest call ${totals.slowestMs} ms`,
    "",
    "Faults",
    ...table(totals.faults),
    ...(totals.violations.length === 0 ? [] : ["", "Violations", ...totals.violations.slice(0, 20).map(told)]),
  ].join("\n");
}

function told({ seed, promise, about, words }: Totals["violations"][number]): string {
  return `  seed ${seed}: ${promise}\n    ${about}: ${words}`;
}

function table(counts: Readonly<Record<string, number>>): readonly string[] {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return rows.map(([name, count]) => `${number(count).padStart(12)}  ${name}`);
}

function number(value: number): string {
  return value.toLocaleString("en");
}
