import { languageFit } from "@showcase/contracts/language";
import type { Candidate, PassedOver, Wanted } from "./sources/source.js";

interface Criterion {
  /** Higher is better. */
  readonly score: (candidate: Candidate, wanted: Wanted, language: string) => number;
  /** Why one with a higher score is chosen. */
  readonly why: string;
  /** Why one with a lower score is not. */
  readonly whyNot: string;
}

/** What makes one candidate better than another. The first that tells them apart decides. */
const criteria: readonly Criterion[] = [
  {
    score: ({ languageAssumed }) => Number(!languageAssumed),
    why: "its name gives its language",
    whyNot: "without a language in its name",
  },
  {
    score: (candidate, _wanted, language) => languageFit(candidate.language, language),
    why: "it is in exactly this language",
    whyNot: "in a variety of the language",
  },
  {
    score: ({ traits }) => Number(traits.sameFile ?? false),
    why: "it was made for this very file",
    whyNot: "made for another file of this film",
  },
  {
    score: ({ source }, { preferredSources }) => {
      const index = preferredSources.indexOf(source);
      return index < 0 ? Number.NEGATIVE_INFINITY : -index;
    },
    why: "its source was preferred",
    whyNot: "from a source that is less preferred",
  },
  {
    score: ({ traits }) => traits.sharedWords ?? 0,
    why: "its name has most in common with the file's",
    whyNot: "of a release that has less in common with the file",
  },
  {
    score: ({ traits }) => Number(!traits.hearingImpaired),
    why: "it is not for the hard of hearing",
    whyNot: "for the hard of hearing",
  },
  {
    score: ({ traits }) => Number(traits.trusted ?? false),
    why: "its author is trusted",
    whyNot: "by an unknown author",
  },
  { score: ({ traits }) => traits.rating ?? 0, why: "it is rated highest", whyNot: "rated lower" },
  { score: ({ traits }) => traits.downloads ?? 0, why: "it is downloaded most", whyNot: "downloaded less" },
];

/** The candidates in a language, the best first; of equals the one that was found first. */
export function rank(candidates: readonly Candidate[], wanted: Wanted, language: string): readonly Candidate[] {
  return candidates
    .filter((candidate) => languageFit(candidate.language, language) > 0)
    .toSorted((one, other) => {
      const criterion = telling(one, other, wanted, language);
      if (criterion === null) return 0;
      return criterion.score(one, wanted, language) > criterion.score(other, wanted, language) ? -1 : 1;
    });
}

/** Why the chosen one was chosen among these, in words. */
export function reasonFor(chosen: Candidate, others: readonly Candidate[], wanted: Wanted, language: string): string {
  const rivals = others.filter((other) => other !== chosen && languageFit(other.language, language) > 0);
  if (rivals.length === 0) return `it is the only one in ${language}`;
  const reasons = rivals.map((rival) => telling(chosen, rival, wanted, language)?.why ?? "it was found first");
  return [...new Set(reasons)].join(", ");
}

/** Why the others were not chosen. */
export function whyNot(
  chosen: Candidate,
  others: readonly Candidate[],
  wanted: Wanted,
  language: string,
): PassedOver[] {
  return others
    .filter((other) => other !== chosen)
    .map((other) => {
      const inLanguage = languageFit(other.language, language) > 0;
      const why = inLanguage
        ? (telling(chosen, other, wanted, language)?.whyNot ?? "found later")
        : `in ${other.language}`;
      return { source: other.source, name: other.name, why };
    });
}

function telling(one: Candidate, other: Candidate, wanted: Wanted, language: string): Criterion | null {
  return criteria.find(({ score }) => score(one, wanted, language) !== score(other, wanted, language)) ?? null;
}
