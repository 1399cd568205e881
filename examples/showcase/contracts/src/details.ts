import { z } from "zod";

/** `result.details.subtitle`: the subtitle that the downloader chose, and the reason. */
export const subtitleDetails = z.object({
  source: z.string(),
  /** Name of the file or release. */
  name: z.string(),
  language: z.string(),
  /** True if the file's name does not contain its language: `language` is then the language that the job requests. */
  languageAssumed: z.boolean().default(false),
  format: z.enum(["srt", "vtt"]),
  encoding: z.string(),
  /** Evidence for the encoding: mark, bytes, language, detector or default. */
  encodingFoundBy: z.string(),
  bytes: z.number(),
  /** Reason for the choice, human-readable. */
  because: z.string(),
  /** Number of candidates. */
  candidates: z.number(),
  /** Candidates that were not chosen, with the reason. At most twenty. */
  passedOver: z.array(z.object({ source: z.string(), name: z.string(), why: z.string() })),
});
export type SubtitleDetails = z.output<typeof subtitleDetails>;

/** `result.details.translation`: the origin of the translation. Only cues with text to translate are counted. */
export const translationDetails = z.object({
  provider: z.string(),
  total: z.number(),
  covered: z.number(),
  /** `covered / total`. */
  coverage: z.number(),
  /** Exact matches of the translation memory. */
  exact: z.number(),
  /** Fuzzy matches of the translation memory. They are drafts. */
  fuzzy: z.number(),
  /** Translated by a machine. */
  machine: z.number(),
  /** Cues with drafts. At most a hundred. */
  fuzzyCues: z.array(z.number()),
  uncovered: z.number(),
  /** Cues that are left out, with their source text. At most a hundred. */
  uncoveredCues: z.array(z.object({ index: z.number(), text: z.string() })),
  /** Cues from an earlier attempt that was interrupted. */
  resumed: z.number(),
});
export type TranslationDetails = z.output<typeof translationDetails>;

/** `result.details` of a job. */
export const resultDetails = z.object({
  subtitle: subtitleDetails.optional(),
  translation: translationDetails.optional(),
  /** Problems that did not stop the work, human-readable. */
  warnings: z.array(z.string()).optional(),
});
export type ResultDetails = z.output<typeof resultDetails>;
