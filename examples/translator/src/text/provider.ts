import type { Cue } from "@example/contracts/subtitle";

/** The languages, as BCP 47 tags. */
export interface LanguagePair {
  readonly source: string;
  readonly target: string;
}

/** A cue's text in the target language, and how sure that is. */
export interface Translation {
  /** Without the tags around the whole cue; may have lines. */
  readonly text: string;
  /** "exact": made for this very text. "fuzzy": made for a similar one, a draft. */
  readonly match: "exact" | "fuzzy";
  /** How similar, above 0; 1 only for "exact". */
  readonly score: number;
}

/** The answer for one cue. */
export interface TranslatedCue {
  /** The cue's own index: answers are matched by it, never by position. */
  readonly index: number;
  /** null: not covered. The source text is never given instead. */
  readonly translation: Translation | null;
}

/** Where translations come from. */
export interface TranslationProvider {
  /** For people: stands at the start of a sentence in error messages. */
  readonly name: string;

  /**
   * Answers each of the cues once. They come in the order of the file, never blank, without the tags that wrap the
   * whole cue; tags within the text are still there.
   *
   * @throws LanguagePairError when it has nothing for this pair. Any other error means that it could not answer now.
   */
  translate(cues: readonly Cue[], pair: LanguagePair, signal: AbortSignal): Promise<readonly TranslatedCue[]>;
}
