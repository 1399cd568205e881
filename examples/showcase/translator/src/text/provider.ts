import type { Cue } from "@showcase/contracts/subtitle";
import type { LanguagePair } from "../../../../translator/provider.js";

// Replaces the provider of the templates. Its translations have a kind and a score, it gets whole cues and the lines before them,
// and it can reject a pair of languages.

export type { LanguagePair };

/** Text of a cue in the target language, and its reliability. */
export interface Translation {
  /** Text without the tags around the whole cue. It can have several lines. */
  readonly text: string;
  /**
   * "exact": human translation of exactly this text. "fuzzy": human translation of a similar text, a draft. "machine": machine
   * translation.
   */
  readonly match: "exact" | "fuzzy" | "machine";
  /** Similarity of the source of the translation, above 0. Below 1 for "fuzzy". */
  readonly score: number;
}

/** Answer for one cue. */
export interface TranslatedCue {
  /** Index of the cue. It identifies the answer, and not the position. */
  readonly index: number;
  /** Null: not covered. It is never the source text. */
  readonly translation: Translation | null;
}

/** Line that is translated already, as context for a provider. */
export interface LineBefore {
  readonly source: string;
  /** Null: it has no translation. */
  readonly target: string | null;
}

/** Translates cues. */
export interface TranslationProvider {
  /** Human-readable name for the beginning of a sentence in error messages. */
  readonly name: string;
  /** Settings that change the answers, such as the model. Checkpoints with other settings are not used. @default name */
  readonly settings?: string;

  /**
   * Returns an answer for each of the cues. They are in the order of the file, not blank, and without the tags around the whole
   * cue. Tags within the text are included.
   *
   * @param before lines before the first of the cues, in order, as context
   * @throws LanguagePairError if the provider does not support this pair. Any other error means that it is unavailable
   */
  translate(
    cues: readonly Cue[],
    pair: LanguagePair,
    signal: AbortSignal,
    before?: readonly LineBefore[],
  ): Promise<readonly TranslatedCue[]>;
}
