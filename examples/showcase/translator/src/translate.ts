import {
  fileUrl,
  resultDetails,
  type SubtitleFiles,
  type SubtitleJob,
  type TranslationDetails,
  type translateQueue,
} from "@showcase/contracts";
import { damageIn, formatSubtitle, parseSubtitle } from "@showcase/contracts/subtitle";
import type { Job } from "@subtitles/job-store";
import { JobFailed, type Outcome, type WorkerContext } from "@subtitles/queue/worker";
import type { Checkpoints } from "./checkpoint.js";
import { type TranslatedSubtitle, type TranslationProvider, translateCues } from "./text/index.js";
import { isBlank } from "./text/markup.js";

export interface TranslateOptions {
  readonly provider: TranslationProvider;
  /** The least share of cues that must have a translation, 0 to 1. */
  readonly minCoverage: number;
  /** Cues translated at a time. @default 50 */
  readonly batchSize?: number | undefined;
  /** Where an attempt leaves what it came to, for the next one. */
  readonly checkpoints: Checkpoints;
  readonly files: SubtitleFiles;
  readonly downloadBaseUrl: string;
}

/** Cues named in a job: enough to mend the translation memory by, and no more than a record should carry. */
const MOST_CUES_LISTED = 100;
const LONGEST_TEXT_LISTED = 200;

/** Translates what the downloader stored. What the provider does not cover is left out and listed, never passed off. */
export function translate({ provider, minCoverage, batchSize, checkpoints, files, downloadBaseUrl }: TranslateOptions) {
  return async (
    job: Job<SubtitleJob, "translating">,
    { signal, progress }: Pick<WorkerContext<SubtitleJob, typeof translateQueue>, "signal" | "progress">,
  ): Promise<Outcome<SubtitleJob, "translating">> => {
    const { language: source, targetLanguage: target } = job.data;
    if (target === null) throw new JobFailed("No target language was asked for.", { code: "NO_TARGET_LANGUAGE" });
    const text = await files.read(job.id, source);
    // The downloader stored it before it asked for this: a shared folder may be late.
    if (text === null) throw new Error("The downloaded subtitle is not in the storage folder.");

    const subtitle = parseSubtitle(text);
    const checkpoint = checkpoints.of(job.id, [text, source, target, provider.settings ?? provider.name]);
    const known = await checkpoint.load();
    const total = subtitle.cues.filter((cue) => !isBlank(cue.text)).length;
    progress({ stage: "translating", done: known.size, total });
    const translated = await translateCues(
      subtitle.cues,
      { source, target },
      {
        provider,
        minCoverage,
        batchSize,
        signal,
        known,
        async onProgress({ done, total }, translations) {
          await checkpoint.save(translations);
          progress({ stage: "translating", done, total });
        },
      },
    );
    await files.save(job.id, target, formatSubtitle({ ...subtitle, cues: translated.cues }));
    const translation = { provider: provider.name, resumed: known.size, ...report(translated) };
    const earlier = resultDetails.safeParse(job.result?.details).data?.warnings ?? [];
    // An uploaded file comes without the downloader's warning.
    const warnings = [...new Set([...earlier, ...[damageIn(text)].filter((one) => one !== null)])];
    const details = { ...job.result?.details, translation, ...(warnings.length > 0 && { warnings }) };
    return { to: "completed", result: { downloadUrl: fileUrl(downloadBaseUrl, job.id), details } };
  };
}

/** What a client should know about the translation, for the job's result. */
function report({
  cues: _,
  fuzzyCues,
  uncovered,
  ...figures
}: TranslatedSubtitle): Omit<TranslationDetails, "provider" | "resumed"> {
  return {
    ...figures,
    fuzzyCues: fuzzyCues.slice(0, MOST_CUES_LISTED),
    uncovered: uncovered.length,
    uncoveredCues: uncovered
      .slice(0, MOST_CUES_LISTED)
      .map(({ index, text }) => ({ index, text: text.slice(0, LONGEST_TEXT_LISTED) })),
  };
}
