import {
  type downloadQueue,
  fileUrl,
  type Log,
  type SubtitleDetails,
  type SubtitleFiles,
  type SubtitleJob,
} from "@showcase/contracts";
import { damageIn } from "@showcase/contracts/subtitle";
import type { Job } from "@subtitles/job-store";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import type { Outcome, WorkerContext } from "@subtitles/queue/worker";
import { type Chosen, createSearch } from "./search.js";
import type { SubtitleSource, Wanted } from "./sources/source.js";

export interface DownloadOptions {
  /** Sources, in the order of the search. The search ends at the first source that has the subtitle. */
  readonly sources: readonly SubtitleSource[];
  readonly files: SubtitleFiles;
  readonly downloadBaseUrl: string;
  readonly log: Log;
}

type Downloaded = Outcome<SubtitleJob, "downloading">;

/**
 * Returns the work of this stage. It finds the subtitle, stores it as UTF-8, and sends the job to the translator if another
 * language is requested. It replaces the work of the templates: candidates of all sources are compared, and the result has the
 * reason for the choice.
 */
export function download({ sources, files, downloadBaseUrl, log: workerLog }: DownloadOptions) {
  return async (
    job: Job<SubtitleJob, "downloading">,
    { signal, progress }: Pick<WorkerContext<SubtitleJob, typeof downloadQueue>, "signal" | "progress">,
  ): Promise<Downloaded> => {
    const { language, targetLanguage } = job.data;
    const asked = targetLanguage ?? language;
    if (job.attempt > 1 && asked !== language && (await files.read(job.id, language)) !== null) {
      return { to: "translating", note: "found by an earlier attempt" };
    }
    const log = workerLog.child({ jobId: job.id });
    const wanted: Wanted = { ...job.data, languages: [...new Set([asked, language])] };
    const search = createSearch(wanted, { signal, log });

    for (const [index, source] of preferred(sources, job.data).entries()) {
      progress({ stage: "searching", done: index, total: sources.length });
      await search.ask(source);
      progress({ stage: "searching", done: index + 1, total: sources.length });
      const ready = await search.best(asked);
      if (ready) return finish(asked, ready);
    }

    const untranslated = targetLanguage === null ? null : await search.best(language);
    if (untranslated) return handOver(language, untranslated);
    const assumed = await search.onlyWithoutLanguage(language);
    if (assumed) return asked === language ? finish(language, assumed) : handOver(language, assumed);
    // The job fails as "not found" only if every source has answered.
    search.throwIfUnanswered();
    throw search.notFound([...new Set([language, asked])]);

    async function finish(language: string, { subtitle, details }: Chosen): Promise<Downloaded> {
      await files.save(job.id, language, subtitle.text);
      return { to: "completed", result: resultWith(details, subtitle.text) };
    }

    async function handOver(language: string, { subtitle, details }: Chosen): Promise<Downloaded> {
      await files.save(job.id, language, subtitle.text);
      return {
        to: "translating",
        progress: null, // the next stage has its own progress
        result: resultWith(details, subtitle.text), // the translator adds to it
        note: `found ${details.name} (${details.source})`,
      };
    }

    function resultWith(subtitle: SubtitleDetails, text: string) {
      const damage = damageIn(text);
      const warnings = [...search.warnings, ...(damage === null ? [] : [damage])];
      const details = { subtitle, ...(warnings.length > 0 && { warnings }) };
      return { downloadUrl: fileUrl(downloadBaseUrl, job.id), details };
    }
  };
}

/** Returns the sources with those that the client named first, in the client's order. */
function preferred(sources: readonly SubtitleSource[], { preferredSources }: SubtitleData): readonly SubtitleSource[] {
  const rank = ({ name }: SubtitleSource) => {
    const index = preferredSources.indexOf(name);
    return index < 0 ? preferredSources.length : index;
  };
  return sources.toSorted((one, other) => rank(one) - rank(other));
}
