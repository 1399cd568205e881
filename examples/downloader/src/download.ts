import { fileUrl, type Outcome, type Stage, type SubtitleFiles, translateQueue } from "@example/contracts";
import { languageFit } from "@example/contracts/language";
import { decodeSubtitle } from "@example/contracts/subtitle";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { message } from "@subtitles/queue";
import { type Candidate, readSubtitle, type SubtitleSource } from "./sources.js";

export interface DownloadOptions {
  /** In the order in which they are preferred. */
  readonly sources: readonly SubtitleSource[];
  readonly files: SubtitleFiles;
  readonly downloadBaseUrl: string;
}

/** Finds the subtitle, keeps it, and hands it on to translation where another language was asked for. */
export function download({ sources, files, downloadBaseUrl }: DownloadOptions): Stage["work"] {
  return async (job, { signal, progress }) => {
    const { language, targetLanguage } = job.data;
    const wanted = targetLanguage ?? language;

    const candidates: Candidate[] = [];
    let looked = 0;
    for (const [index, source] of preferred(sources, job.data).entries()) {
      progress({ stage: "searching", done: index, total: sources.length });
      const found = await source.search(job.data, signal);
      candidates.push(...found.candidates);
      looked += found.looked;
    }
    progress({ stage: "searching", done: sources.length, total: sources.length });

    const ready = await best(candidates, wanted);
    if (ready) {
      const { text, encoding } = decodeSubtitle(ready.content, wanted);
      await files.save(job.id, wanted, text);
      const details = {
        source: ready.candidate.source,
        file: ready.candidate.fileName,
        language: ready.candidate.language,
        encoding,
        bytes: ready.content.byteLength,
        candidates: candidates.length,
      };
      return { to: "completed", result: { downloadUrl: fileUrl(downloadBaseUrl, job.id), details } };
    }

    const untranslated = targetLanguage === null ? null : await best(candidates, language);
    if (!untranslated) return notFound(job.data, candidates, looked);
    await files.save(job.id, language, decodeSubtitle(untranslated.content, language).text);
    return {
      to: "translating",
      progress: null, // the next stage counts its own
      note: `found ${untranslated.candidate.fileName} (${untranslated.candidate.source})`,
      outbox: [message(translateQueue, { jobId: job.id })],
    };
  };
}

/** Sources that the client named come first, in the client's order. */
function preferred(sources: readonly SubtitleSource[], { preferredSources }: SubtitleData): readonly SubtitleSource[] {
  const rank = ({ name }: SubtitleSource) => {
    const index = preferredSources.indexOf(name);
    return index < 0 ? preferredSources.length : index;
  };
  return sources.toSorted((one, other) => rank(one) - rank(other));
}

/** The best candidate in a language that can really be read: exact language first, then plain before hearing-impaired. */
async function best(candidates: readonly Candidate[], language: string) {
  const ranked = candidates
    .filter((candidate) => languageFit(candidate.language, language) > 0)
    .toSorted(
      (one, other) =>
        languageFit(other.language, language) - languageFit(one.language, language) ||
        Number(one.hearingImpaired) - Number(other.hearingImpaired),
    );
  for (const candidate of ranked) {
    const content = await readSubtitle(candidate);
    if (content) return { candidate, content };
  }
  return null;
}

function notFound(data: SubtitleData, candidates: readonly Candidate[], looked: number): Outcome {
  const others = [...new Set(candidates.map((candidate) => candidate.language))];
  const languages = data.targetLanguage === null ? data.language : `${data.language} or ${data.targetLanguage}`;
  const message =
    `No subtitle in ${languages} for this film among ${looked} subtitle files` +
    (others.length > 0 ? ` (there is one in ${others.slice(0, 10).join(", ")}).` : ".");
  return { to: "failed", error: { message, code: "SUBTITLE_NOT_FOUND", retryable: false } };
}
