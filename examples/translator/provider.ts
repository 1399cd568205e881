/** Languages, as BCP 47 tags. */
export interface LanguagePair {
  readonly source: string;
  readonly target: string;
}

/** Text to translate. */
export interface Line {
  /** Number of the cue. Answers are matched by it and not by position, so that a missing answer moves no other one. */
  readonly index: number;
  /** Without tags; can have several lines. */
  readonly text: string;
}

/** Translates text. Implement this for a translation service of your own. */
export interface TranslationProvider {
  readonly name: string;
  /**
   * Returns the translations by the number of the cue. A line without a translation is left out, and never answered with its
   * source text. If the provider cannot answer now, it throws an error, and the job is tried again.
   */
  translate(lines: readonly Line[], pair: LanguagePair, signal: AbortSignal): Promise<ReadonlyMap<number, string>>;
}
