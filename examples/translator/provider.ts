/** Languages, as BCP 47 tags. */
export interface LanguagePair {
  readonly source: string;
  readonly target: string;
}

/** Text to translate. */
export interface Line {
  /** Number of the cue. It identifies the translation, so a missing one does not move the others. */
  readonly index: number;
  /** Text without tags. It can have several lines. */
  readonly text: string;
}

/** Translates text. Implement this interface for a translation service of your own. */
export interface TranslationProvider {
  /** Name in the results of jobs. */
  readonly name: string;
  /**
   * Returns the translations by the number of the cue. It leaves out a line without a translation, and never returns its source
   * text. If the provider is unavailable, it throws an error, and the job is tried again.
   */
  translate(lines: readonly Line[], pair: LanguagePair, signal: AbortSignal): Promise<ReadonlyMap<number, string>>;
}
