import { JobFailed } from "@subtitles/queue/worker";

/** The TMX file cannot be read, or is not TMX. */
export class TranslationMemoryError extends JobFailed {
  readonly path: string;

  constructor(path: string, reason: string) {
    super(`Translation memory ${path}: ${reason}`, { code: "TRANSLATION_MEMORY" });
    this.path = path;
  }
}

/** The provider does not support this pair of languages. */
export class LanguagePairError extends JobFailed {
  constructor(provider: string, pair: { readonly source: string; readonly target: string }, has: readonly string[]) {
    const offer = has.length === 0 ? "it has no languages" : `it has ${has.join(", ")}`;
    super(`${provider} does not translate from ${pair.source} to ${pair.target}: ${offer}`, { code: "LANGUAGE_PAIR" });
  }
}

/** The provider's reply does not have exactly the requested cues, so texts could get wrong times. */
export class ProviderReplyError extends JobFailed {
  constructor(provider: string, reason: string) {
    super(`${provider} gave an unusable reply: ${reason}`, { code: "PROVIDER_REPLY" });
  }
}

/** Fewer cues than the minimum have a translation. Nothing was written. */
export class InsufficientCoverageError extends JobFailed {
  readonly covered: number;
  readonly total: number;
  /** From 0 to 1. */
  readonly coverage: number;
  /** From 0 to 1. */
  readonly minCoverage: number;
  /** Cues without a translation, with their source text. */
  readonly uncovered: readonly { readonly index: number; readonly text: string }[];

  constructor(
    provider: string,
    minCoverage: number,
    found: Pick<InsufficientCoverageError, "covered" | "total" | "coverage" | "uncovered">,
  ) {
    const { covered, total, coverage, uncovered } = found;
    super(
      `${provider} covers ${covered} of ${total} cues (${percent(coverage)}), at least ${percent(minCoverage)} is asked for: ` +
        "add to the translation memory, or lower the minimum coverage",
      { code: "INSUFFICIENT_COVERAGE", note: `no translation for cues ${listed(uncovered)}` },
    );
    this.covered = covered;
    this.total = total;
    this.coverage = coverage;
    this.minCoverage = minCoverage;
    this.uncovered = uncovered;
  }
}

/** Rounds down, so that a coverage just below the minimum is not shown as the minimum. */
const percent = (share: number) => `${Math.floor(share * 1000) / 10} %`;

function listed(cues: readonly { readonly index: number }[]): string {
  const shown = cues.slice(0, 10).map(({ index }) => index);
  return shown.join(", ") + (cues.length > shown.length ? ` and ${cues.length - shown.length} more` : "");
}
