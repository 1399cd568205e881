import { type Results, sectionsOf } from "./results.js";
import type { Ratio, Section } from "./suite.js";

/** A ratio that moved by less than this has not moved: that much is the machine. */
const NOISE = 0.15;

/** Ratios that are worse than they were, in words. Those that the earlier run did not have are new, not worse. */
export function regressions(sections: readonly Section[], earlier: Results): readonly string[] {
  const before = new Map(
    sectionsOf(earlier).flatMap(({ ratios }) => ratios.map(({ name, value }) => [name, value.median])),
  );
  return sections
    .flatMap(({ ratios }) => ratios)
    .flatMap((ratio) => {
      const was = before.get(ratio.name);
      if (was === undefined || !isWorse(ratio, was)) return [];
      return [`${ratio.name}: ${ratio.value.median.toFixed(2)}, was ${was.toFixed(2)}`];
    });
}

function isWorse({ value, wanted }: Ratio, before: number): boolean {
  return "atLeast" in wanted ? value.median < before * (1 - NOISE) : value.median > before * (1 + NOISE);
}

export function isReached({ value, wanted }: Ratio): boolean {
  return "atLeast" in wanted ? value.median >= wanted.atLeast : value.median <= wanted.atMost;
}
