import type { Job } from "@subtitles/job-store";
import { JobFailed, type Outcome, type WorkerContext } from "@subtitles/queue/worker";
import type { Files } from "../contracts/files.js";
import { COMPLETED, type Definition, type download, translate } from "../contracts/job.js";
import { decodeSrt, formatSrt, parseSrt } from "../contracts/subtitle/srt.js";
import type { SubtitleSource } from "./sources/source.js";

type Downloading = typeof download.working;

/**
 * Returns the work of this stage. It finds the subtitle, checks it and stores it. The outcome completes the job, or sends it to the
 * translator.
 */
export function downloadWith(sources: readonly SubtitleSource[], files: Files) {
  return async (
    { id, data }: Job<Definition, Downloading>,
    { signal, progress }: Pick<WorkerContext<Definition, typeof download.queue>, "signal" | "progress">,
  ): Promise<Outcome<Definition, Downloading>> => {
    // A subtitle in the target language needs no translation, so it is searched first.
    const asked = data.targetLanguage ?? data.language;
    const languages = [...new Set([asked, data.language])];
    const searches = languages.flatMap((language) => sources.map((source) => ({ language, source })));

    for (const [done, { language, source }] of searches.entries()) {
      progress({ done, total: searches.length });
      const found = await source.find({ ...data, language }, signal);
      signal.throwIfAborted();
      if (found === null) continue;
      // Reads the file before it is stored. A damaged file fails the job with the reason.
      const cues = parseSrt(decodeSrt(found.bytes));
      const file = `${id}.${language}.srt`;
      await files.save(file, formatSrt(cues));
      // The progress of the search ends with it.
      const outcome = { result: { file, source: found.name }, progress: null };
      return language === asked
        ? { to: COMPLETED, ...outcome }
        : { to: translate.working, ...outcome, note: `found ${found.name}` };
    }
    throw new JobFailed(`No subtitle in ${languages.join(" or ")} was found for "${data.videoTitle}".`, {
      code: "SUBTITLE_NOT_FOUND",
      retryable: true, // the subtitle can be added to the folder
    });
  };
}
