import { z } from "zod";

/** `result.details.subtitle`: which subtitle the downloader chose, and why. */
export const subtitleDetails = z.object({
  source: z.string(),
  /** Of the file or release. */
  name: z.string(),
  language: z.string(),
  /** True if the file's name does not contain its language: `language` is then the language that the job requests. */
  languageAssumed: z.boolean().default(false),
  format: z.enum(["srt", "vtt"]),
  encoding: z.string(),
  /** How the encoding was found out: mark, bytes, language, detector or default. */
  encodingFoundBy: z.string(),
  bytes: z.number(),
  /** Why this one, in words. */
  because: z.string(),
  /** How many candidates there were. */
  candidates: z.number(),
  /** Those that were not chosen, and why not; the first twenty. */
  passedOver: z.array(z.object({ source: z.string(), name: z.string(), why: z.string() })),
});
export type SubtitleDetails = z.output<typeof subtitleDetails>;

/** `result.details.translation`: what the translation is made of. Counts are in cues that have something to translate. */
export const translationDetails = z.object({
  provider: z.string(),
  total: z.number(),
  covered: z.number(),
  /** `covered / total`. */
  coverage: z.number(),
  /** From the translation memory, made for the same words. */
  exact: z.number(),
  /** From the translation memory, made for similar words: drafts. */
  fuzzy: z.number(),
  /** By a machine. */
  machine: z.number(),
  /** The cues with drafts; the first hundred. */
  fuzzyCues: z.array(z.number()),
  uncovered: z.number(),
  /** The cues left out, as they read in the source; the first hundred. */
  uncoveredCues: z.array(z.object({ index: z.number(), text: z.string() })),
  /** Cues taken over from an earlier attempt that was interrupted. */
  resumed: z.number(),
});
export type TranslationDetails = z.output<typeof translationDetails>;

/** What a job's `result.details` hold. */
export const resultDetails = z.object({
  subtitle: subtitleDetails.optional(),
  translation: translationDetails.optional(),
  /** What went wrong on the way without stopping it, in words. */
  warnings: z.array(z.string()).optional(),
});
export type ResultDetails = z.output<typeof resultDetails>;
