import type { SubtitleFiles, SubtitleJob } from "@showcase/contracts";
import { type Cue, parseSubtitle } from "@showcase/contracts/subtitle";
import type { Job } from "@subtitles/job-store";

/** Cue of the source and the same cue of the translation, if they exist. */
export interface CuePair {
  readonly id: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly source: string | null;
  readonly target: string | null;
}

/**
 * Returns the cues of the source with those of the translation, in the order of the source. A translation keeps the numbers of
 * its cues.
 * @throws SubtitleFormatError
 */
export async function cuePairs({ id, data }: Job<SubtitleJob>, files: SubtitleFiles): Promise<readonly CuePair[]> {
  const { language, targetLanguage } = data;
  const [sources, targets] = await Promise.all([
    readCues(files, id, language),
    targetLanguage === null ? [] : readCues(files, id, targetLanguage),
  ]);
  const pairs = new Map(sources.map((cue) => [cue.index, pair(cue, { source: cue.text, target: null })]));
  for (const cue of targets) {
    pairs.set(cue.index, pair(cue, { source: pairs.get(cue.index)?.source ?? null, target: cue.text }));
  }
  return [...pairs.values()];
}

async function readCues(files: SubtitleFiles, id: string, language: string): Promise<readonly Cue[]> {
  const text = await files.read(id, language);
  return text === null ? [] : parseSubtitle(text).cues;
}

function pair({ index, startMs, endMs }: Cue, texts: Pick<CuePair, "source" | "target">): CuePair {
  return { id: index, startMs, endMs, ...texts };
}
