import type { Ratio, Section } from "./suite.js";

/** What a run leaves for the next one to be compared with. */
export type Figures = Readonly<
  Record<string, { readonly median: number; readonly low: number; readonly high: number }>
>;

export function figuresOf(sections: readonly Section[]): Figures {
  return Object.fromEntries(sections.flatMap(({ ratios }) => ratios.map(({ name, value }) => [name, value])));
}

/** A ratio that moved by less than this has not moved: that much is the machine. */
const NOISE = 0.15;

/** Ratios that are worse than they were, in words. Those that the earlier run did not have are new, not worse. */
export function regressions(sections: readonly Section[], earlier: Figures): readonly string[] {
  return sections
    .flatMap(({ ratios }) => ratios)
    .flatMap((ratio) => {
      const before = earlier[ratio.name];
      if (before === undefined || !isWorse(ratio, before.median)) return [];
      return [`${ratio.name}: ${ratio.value.median.toFixed(2)}, was ${before.median.toFixed(2)}`];
    });
}

function isWorse({ value, wanted }: Ratio, before: number): boolean {
  return "atLeast" in wanted ? value.median < before * (1 - NOISE) : value.median > before * (1 + NOISE);
}

export function isReached({ value, wanted }: Ratio): boolean {
  return "atLeast" in wanted ? value.median >= wanted.atLeast : value.median <= wanted.atMost;
}
