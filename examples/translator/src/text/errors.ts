/** Which refusal it is. Each has one class below, with the figures that belong to it. */
export type TextErrorCode =
  | "SUBTITLE_FORMAT"
  | "TRANSLATION_MEMORY"
  | "LANGUAGE_PAIR"
  | "PROVIDER_REPLY"
  | "INSUFFICIENT_COVERAGE";

/**
 * What the text side refuses. Trying the same input again gives the same answer, so a worker fails the job with
 * `message`, which says what happened and what to do and quotes no subtitle text.
 */
export abstract class TextError extends Error {
  abstract readonly code: TextErrorCode;
}

/** The source is no SRT subtitle, or has a damaged time line. */
export class SubtitleFormatError extends TextError {
  override readonly name = "SubtitleFormatError";
  readonly code = "SUBTITLE_FORMAT";
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, reason: string) {
    super(`Not a usable SRT subtitle: line ${line}: ${reason}`);
    this.line = line;
  }
}

/** The TMX file cannot be read or is not one. */
export class TranslationMemoryError extends TextError {
  override readonly name = "TranslationMemoryError";
  readonly code = "TRANSLATION_MEMORY";
  readonly path: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`Translation memory ${path}: ${reason}`, options);
    this.path = path;
  }
}

/** The provider cannot translate between these two languages at all. */
export class LanguagePairError extends TextError {
  override readonly name = "LanguagePairError";
  readonly code = "LANGUAGE_PAIR";

  constructor(provider: string, pair: { readonly source: string; readonly target: string }, has: readonly string[]) {
    const offer = has.length === 0 ? "it has no languages" : `it has ${has.join(", ")}`;
    super(`${provider} does not translate from ${pair.source} to ${pair.target}: ${offer}`);
  }
}

/** The provider's reply does not answer exactly the cues it was given, so texts could end up at the wrong times. */
export class ProviderReplyError extends TextError {
  override readonly name = "ProviderReplyError";
  readonly code = "PROVIDER_REPLY";

  constructor(provider: string, reason: string) {
    super(`${provider} gave an unusable reply: ${reason}`);
  }
}

/** Fewer cues could be translated than asked for. Nothing was written. */
export class InsufficientCoverageError extends TextError {
  override readonly name = "InsufficientCoverageError";
  readonly code = "INSUFFICIENT_COVERAGE";
  readonly covered: number;
  readonly total: number;
  /** From 0 to 1. */
  readonly coverage: number;
  /** From 0 to 1. */
  readonly minCoverage: number;
  /** The cues without a translation, as they read in the source. */
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
    );
    this.covered = covered;
    this.total = total;
    this.coverage = coverage;
    this.minCoverage = minCoverage;
    this.uncovered = uncovered;
  }
}

/** Rounded down, so that a coverage just under the minimum does not read like the minimum. */
const percent = (share: number) => `${Math.floor(share * 1000) / 10} %`;
