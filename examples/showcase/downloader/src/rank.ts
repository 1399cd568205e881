import { languageFit } from "@showcase/contracts/language";
import type { Candidate, PassedOver, Wanted } from "./sources/source.js";

interface Criterion {
  /** A higher score is better. */
  readonly score: (candidate: Candidate, wanted: Wanted, language: string) => number;
  /** Reason for choosing a candidate with a higher score. */
  readonly why: string;
  /** Reason for not choosing a candidate with a lower score. */
  readonly whyNot: string;
}

/** Criteria that compare two candidates. The first one with a difference decides. */
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
    why: "it was made for exactly this file",
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

/** Returns the candidates in a language in order, the best one first. Equal candidates stay in the order of the search. */
export function rank(candidates: readonly Candidate[], wanted: Wanted, language: string): readonly Candidate[] {
  return candidates
    .filter((candidate) => languageFit(candidate.language, language) > 0)
    .toSorted((one, other) => {
      const criterion = telling(one, other, wanted, language);
      if (criterion === null) return 0;
      return criterion.score(one, wanted, language) > criterion.score(other, wanted, language) ? -1 : 1;
    });
}

/** Returns the human-readable reason for the choice among these candidates. */
export function reasonFor(chosen: Candidate, others: readonly Candidate[], wanted: Wanted, language: string): string {
  const rivals = others.filter((other) => other !== chosen && languageFit(other.language, language) > 0);
  if (rivals.length === 0) return `it is the only one in ${language}`;
  const reasons = rivals.map((rival) => telling(chosen, rival, wanted, language)?.why ?? "it was found first");
  return [...new Set(reasons)].join(", ");
}

/** Returns the candidates that were not chosen, with the reasons. */
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
