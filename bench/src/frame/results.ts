import type { Section } from "./suite.js";

/** What a suite has found, and how and on what it was run. */
export interface Found {
  readonly how: string;
  readonly sections: readonly Section[];
}

/** The latest of each suite, by its name: what is committed, and what the next run is compared with. */
export type Results = Readonly<Record<string, Found>>;

/** `later` in the place of what those suites found before; in the order of `names`, without those that are no more. */
export function merge(earlier: Results, later: Results, names: readonly string[]): Results {
  const all = { ...earlier, ...later };
  return Object.fromEntries(names.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));
}

export function sectionsOf(results: Results): readonly Section[] {
  return Object.values(results).flatMap(({ sections }) => sections);
}

/** In words: what was run how. */
export function provenance(results: Results): readonly string[] {
  const names = new Map<string, string[]>();
  for (const [name, { how }] of Object.entries(results)) names.set(how, [...(names.get(how) ?? []), name]);
  if (names.size === 1) return [...names.keys()];
  return [...names].map(([how, suites]) => `${suites.join(", ")}: ${how}`);
}
