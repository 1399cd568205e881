import type { Cue } from "@showcase/contracts/subtitle";
import type { LanguagePair } from "../../../../translator/provider.js";

// Replaces the provider of the templates. Its translations have a kind and a score, it gets whole cues and the lines before them,
// and it can reject a pair of languages.

export type { LanguagePair };

/** A cue's text in the target language, and how sure that is. */
export interface Translation {
  /** Without the tags around the whole cue; may have lines. */
  readonly text: string;
  /** "exact": made by a person for this very text. "fuzzy": made for a similar one, a draft. "machine": made by a machine. */
  readonly match: "exact" | "fuzzy" | "machine";
  /** How similar the text was that it was made for, above 0; below 1 for "fuzzy". */
  readonly score: number;
}

/** The answer for one cue. */
export interface TranslatedCue {
  /** The cue's own index: answers are matched by it, never by position. */
  readonly index: number;
  /** null: not covered. The source text is never given instead. */
  readonly translation: Translation | null;
}

/** A line that was translated already, for a provider that reads on from it. */
export interface LineBefore {
  readonly source: string;
  /** null: it has no translation. */
  readonly target: string | null;
}

/** Where translations come from. */
export interface TranslationProvider {
  /** For people: stands at the start of a sentence in error messages. */
  readonly name: string;
  /** What of its settings changes its answers, such as the model: work begun with other ones is not carried on. @default name */
  readonly settings?: string;

  /**
   * Answers each of the cues once. They come in the order of the file, never blank, without the tags that wrap the
   * whole cue; tags within the text are still there.
   *
   * @param before The lines before the first of the cues, in order, for context.
   * @throws LanguagePairError when it has nothing for this pair. Any other error means that it could not answer now.
   */
  translate(
    cues: readonly Cue[],
    pair: LanguagePair,
    signal: AbortSignal,
    before?: readonly LineBefore[],
  ): Promise<readonly TranslatedCue[]>;
}
