import type { Job } from "@subtitles/job-store";
import { JobFailed, type Outcome, type WorkerContext } from "@subtitles/queue/worker";
import type { Files } from "../contracts/files.js";
import { COMPLETED, type Definition, type download, translate } from "../contracts/job.js";
import { decodeSrt, formatSrt, parseSrt } from "../contracts/subtitle/srt.js";
import type { SubtitleSource } from "./sources/source.js";

type Downloading = typeof download.working;

/** Returns the work of this stage: find the subtitle, check it, store it, and hand the job over if it must be translated. */
export function downloadWith(sources: readonly SubtitleSource[], files: Files) {
  return async (
    { id, data }: Job<Definition, Downloading>,
    { signal, progress }: Pick<WorkerContext<Definition, typeof download.queue>, "signal" | "progress">,
  ): Promise<Outcome<Definition, Downloading>> => {
    // A subtitle that is in the target language already needs no translation.
    const asked = data.targetLanguage ?? data.language;
    const languages = [...new Set([asked, data.language])];
    const searches = languages.flatMap((language) => sources.map((source) => ({ language, source })));

    for (const [done, { language, source }] of searches.entries()) {
      progress({ done, total: searches.length });
      const found = await source.find({ ...data, language }, signal);
      signal.throwIfAborted();
      if (found === null) continue;
      // Before anything is stored: a file that cannot be read fails the job with the reason.
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
      retryable: true, // it may be added to the folder
    });
  };
}
