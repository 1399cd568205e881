import type { Ratio, Section } from "./suite.js";

/** Result of a suite. */
export interface SuiteResult {
  /** Command and machine of the run. */
  readonly how: string;
  readonly sections: readonly Section[];
}

/** Latest result of each suite, by name. This is committed, and `--compare` compares the next run with it. */
export type Results = Readonly<Record<string, SuiteResult>>;

/** Replaces the results of the suites in `later`. Keeps the order of `names` and drops suites that are not in `names`. */
export function merge(earlier: Results, later: Results, names: readonly string[]): Results {
  const all = { ...earlier, ...later };
  return Object.fromEntries(names.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));
}

export function sectionsOf(results: Results): readonly Section[] {
  return Object.values(results).flatMap(({ sections }) => sections);
}

/** Describes the commands and machines of the suites. */
export function provenance(results: Results): readonly string[] {
  const names = new Map<string, string[]>();
  for (const [name, { how }] of Object.entries(results)) names.set(how, [...(names.get(how) ?? []), name]);
  if (names.size === 1) return [...names.keys()];
  return [...names].map(([how, suites]) => `${suites.join(", ")}: ${how}`);
}

/** Relative difference that counts as measurement noise. */
const NOISE = 0.15;

/** Describes the ratios that are worse than in an earlier run. Ratios that the earlier run does not contain are ignored. */
export function regressions(sections: readonly Section[], earlier: Results): readonly string[] {
  const before = new Map(
    sectionsOf(earlier).flatMap(({ ratios }) => ratios.map(({ name, value }) => [name, value.median])),
  );
  return sections
    .flatMap(({ ratios }) => ratios)
    .flatMap((ratio) => {
      const previous = before.get(ratio.name);
      if (previous === undefined || !isWorse(ratio, previous)) return [];
      return [`${ratio.name}: ${ratio.value.median.toFixed(2)}, before: ${previous.toFixed(2)}`];
    });
}

function isWorse({ value, wanted }: Ratio, before: number): boolean {
  return "atLeast" in wanted ? value.median < before * (1 - NOISE) : value.median > before * (1 + NOISE);
}

export function isReached({ value, wanted }: Ratio): boolean {
  return "atLeast" in wanted ? value.median >= wanted.atLeast : value.median <= wanted.atMost;
}
