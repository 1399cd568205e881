import { fileUrl, type Stage, type SubtitleFiles } from "@example/contracts";
import type { Json } from "@subtitles/job-store";
import {
  decodeSubtitle,
  formatSrt,
  InsufficientCoverageError,
  parseSrt,
  TextError,
  type TranslatedSubtitle,
  type TranslationProvider,
  translateCues,
} from "./text/index.js";

export interface TranslateOptions {
  readonly provider: TranslationProvider;
  /** The least share of cues that must have a translation, 0 to 1. */
  readonly minCoverage: number;
  /** Cues translated at a time. @default 50 */
  readonly batchSize?: number | undefined;
  readonly files: SubtitleFiles;
  readonly downloadBaseUrl: string;
}

/** Cues named in a job: enough to mend the translation memory by, and no more than a record should carry. */
const MOST_CUES_LISTED = 100;
const LONGEST_TEXT_LISTED = 200;

/** Translates what the downloader stored. What the provider does not cover is left out and listed, never passed off. */
export function translate({
  provider,
  minCoverage,
  batchSize,
  files,
  downloadBaseUrl,
}: TranslateOptions): Stage["work"] {
  return async (job, { signal, progress }) => {
    const { language: source, targetLanguage: target } = job.data;
    if (target === null) return failed("NO_TARGET_LANGUAGE", "No target language was asked for.");
    const bytes = await files.read(job.id, source);
    // The downloader stored it before it asked for this: a shared folder may be late.
    if (!bytes) throw new Error("The downloaded subtitle is not in the storage folder.");

    const { text, encoding } = decodeSubtitle(bytes, source);
    const drafts = new Set<number>();
    try {
      const translated = await translateCues(
        parseSrt(text),
        { source, target },
        {
          provider: notingDrafts(provider, drafts),
          minCoverage,
          batchSize,
          signal,
          onProgress: ({ done, total }) => progress({ stage: "translating", done, total }),
        },
      );
      await files.save(job.id, target, formatSrt(translated.cues));
      const details = { provider: provider.name, encoding, ...report(translated, drafts) };
      return { to: "completed", result: { downloadUrl: fileUrl(downloadBaseUrl, job.id), details } };
    } catch (error) {
      // Trying again would give the same answer. Anything else that is thrown is worth another try.
      if (!(error instanceof TextError)) throw error;
      const note =
        error instanceof InsufficientCoverageError ? `no translation for cues ${listed(error.uncovered)}` : undefined;
      return failed(error.code, error.message, note);
    }
  };
}

function failed(code: string, message: string, note?: string) {
  return { to: "failed", error: { message, code, retryable: false }, note } as const;
}

/** What a client should know about the translation, for the job's result. */
function report(
  { cues, uncovered, ...figures }: TranslatedSubtitle,
  drafts: ReadonlySet<number>,
): Record<string, Json> {
  const fuzzyCues = cues.map(({ index }) => index).filter((index) => drafts.has(index));
  return {
    ...figures,
    fuzzyCues: fuzzyCues.slice(0, MOST_CUES_LISTED),
    uncovered: uncovered.length,
    uncoveredCues: uncovered
      .slice(0, MOST_CUES_LISTED)
      .map(({ index, text }) => ({ index, text: text.slice(0, LONGEST_TEXT_LISTED) })),
  };
}

function listed(cues: readonly { readonly index: number }[]): string {
  const shown = cues.slice(0, 10).map(({ index }) => index);
  return shown.join(", ") + (cues.length > shown.length ? ` and ${cues.length - shown.length} more` : "");
}

/** The same provider, noting which cues it has only a draft for. */
function notingDrafts(provider: TranslationProvider, drafts: Set<number>): TranslationProvider {
  return {
    name: provider.name,
    async translate(cues, pair, signal) {
      const answers = await provider.translate(cues, pair, signal);
      for (const { index, translation } of answers) if (translation?.match === "fuzzy") drafts.add(index);
      return answers;
    },
  };
}
