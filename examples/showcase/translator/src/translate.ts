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
  /** Minimum share of cues that must have a translation, 0 to 1. */
  readonly minCoverage: number;
  /** Number of cues per call of the provider. @default 50 */
  readonly batchSize?: number | undefined;
  /** Storage of the translations of an attempt, for the next one. */
  readonly checkpoints: Checkpoints;
  readonly files: SubtitleFiles;
  readonly downloadBaseUrl: string;
}

/** Maximum number of cues in a job's details. They are enough to improve the translation memory, and keep the record small. */
const MOST_CUES_LISTED = 100;
const LONGEST_TEXT_LISTED = 200;

/**
 * Returns the work of this stage. It translates the file that the downloader stored. It replaces the work of the templates: it
 * keeps checkpoints, and the result lists the cues that are drafts or left out.
 */
export function translate({ provider, minCoverage, batchSize, checkpoints, files, downloadBaseUrl }: TranslateOptions) {
  return async (
    job: Job<SubtitleJob, "translating">,
    { signal, progress }: Pick<WorkerContext<SubtitleJob, typeof translateQueue>, "signal" | "progress">,
  ): Promise<Outcome<SubtitleJob, "translating">> => {
    const { language: source, targetLanguage: target } = job.data;
    if (target === null) throw new JobFailed("The job has no target language.", { code: "NO_TARGET_LANGUAGE" });
    const text = await files.read(job.id, source);
    // The downloader has stored the file before it sent the job. A shared folder can show it later.
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
    // The downloader has not checked an uploaded file for damage.
    const warnings = [...new Set([...earlier, ...[damageIn(text)].filter((one) => one !== null)])];
    const details = { ...job.result?.details, translation, ...(warnings.length > 0 && { warnings }) };
    return { to: "completed", result: { downloadUrl: fileUrl(downloadBaseUrl, job.id), details } };
  };
}

/** Returns the description of the translation for the job's result. */
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
