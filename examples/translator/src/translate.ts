import { Failure, fileUrl, type Stage, type SubtitleFiles, type TranslationDetails } from "@example/contracts";
import { formatSubtitle, parseSubtitle } from "@example/contracts/subtitle";
import { type TranslatedSubtitle, type TranslationProvider, translateCues } from "./text/index.js";

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
    if (target === null) throw new Failure("NO_TARGET_LANGUAGE", "No target language was asked for.");
    const text = await files.read(job.id, source);
    // The downloader stored it before it asked for this: a shared folder may be late.
    if (text === null) throw new Error("The downloaded subtitle is not in the storage folder.");

    const subtitle = parseSubtitle(text);
    const drafts = new Set<number>();
    const translated = await translateCues(
      subtitle.cues,
      { source, target },
      {
        provider: notingDrafts(provider, drafts),
        minCoverage,
        batchSize,
        signal,
        onProgress: ({ done, total }) => progress({ stage: "translating", done, total }),
      },
    );
    await files.save(job.id, target, formatSubtitle({ ...subtitle, cues: translated.cues }));
    const translation = { provider: provider.name, ...report(translated, drafts) };
    const details = { ...job.result?.details, translation };
    return { to: "completed", result: { downloadUrl: fileUrl(downloadBaseUrl, job.id), details } };
  };
}

/** What a client should know about the translation, for the job's result. */
function report(
  { cues, uncovered, ...figures }: TranslatedSubtitle,
  drafts: ReadonlySet<number>,
): Omit<TranslationDetails, "provider"> {
  const fuzzyCues = cues.map(({ index }) => index).filter((index) => drafts.has(index));
  return {
    ...figures,
    machine: 0,
    resumed: 0,
    fuzzyCues: fuzzyCues.slice(0, MOST_CUES_LISTED),
    uncovered: uncovered.length,
    uncoveredCues: uncovered
      .slice(0, MOST_CUES_LISTED)
      .map(({ index, text }) => ({ index, text: text.slice(0, LONGEST_TEXT_LISTED) })),
  };
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
