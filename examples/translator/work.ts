import type { Job } from "@subtitles/job-store";
import { JobFailed, type Outcome, type WorkerContext } from "@subtitles/queue/worker";
import type { Files } from "../contracts/files.js";
import { COMPLETED, type Definition, type translate } from "../contracts/job.js";
import { type Cue, formatSrt, parseSrt } from "../contracts/subtitle/srt.js";
import type { TranslationProvider } from "./provider.js";

type Translating = typeof translate.working;

/** Number of cues per call of the provider. Progress and cancellation are handled before each call. */
const BATCH_SIZE = 25;

/** Options of `translateWith`. */
export interface TranslateOptions {
  readonly provider: TranslationProvider;
  /** Minimum share of the cues that must have a translation, 0 to 1. */
  readonly minCoverage: number;
  readonly files: Files;
}

/** Returns the work of this stage. It translates the file that the downloader stored. */
export function translateWith({ provider, minCoverage, files }: TranslateOptions) {
  return async (
    { id, data, result }: Job<Definition, Translating>,
    { signal, progress }: Pick<WorkerContext<Definition, typeof translate.queue>, "signal" | "progress">,
  ): Promise<Outcome<Definition, Translating>> => {
    const { language: source, targetLanguage: target } = data;
    if (target === null || result === null) throw new JobFailed("This job has nothing to translate.");
    const text = await files.read(result.file);
    // This error is tried again, because the storage folder can be on a slow network.
    if (text === null) throw new Error(`The file ${result.file} is not in the storage folder.`);

    const cues = parseSrt(text);
    const lines = cues
      .map(({ index, text }) => ({ index, text: withoutTags(text) }))
      .filter(({ text }) => hasWords(text));
    const translations = new Map<number, string>();
    for (let start = 0; start < lines.length; start += BATCH_SIZE) {
      progress({ done: start, total: lines.length });
      signal.throwIfAborted();
      const batch = lines.slice(start, start + BATCH_SIZE);
      const answers = await provider.translate(batch, { source, target }, signal);
      for (const { index, text } of batch) {
        const answer = answers.get(index)?.trim();
        if (answer && !isSameText(answer, text)) translations.set(index, answer);
      }
    }
    progress({ done: lines.length, total: lines.length });

    const [covered, total] = [translations.size, lines.length];
    if (covered < minCoverage * total) {
      throw new JobFailed(`Only ${covered} of ${total} cues have a translation (${provider.name}).`, {
        code: "TRANSLATION_INCOMPLETE",
        retryable: true, // translations can be added to the memory
      });
    }
    const file = `${id}.${target}.srt`;
    await files.save(file, formatSrt(translated(cues, translations)));
    return { to: COMPLETED, result: { ...result, file, translation: { provider: provider.name, covered, total } } };
  };
}

/** Returns the translated cues, without those that have no translation. Cues without words are not changed: "♪", "1984". */
function translated(cues: readonly Cue[], translations: ReadonlyMap<number, string>): readonly Cue[] {
  return cues.flatMap((cue) => {
    if (!hasWords(withoutTags(cue.text))) return [cue];
    const text = translations.get(cue.index);
    return text === undefined ? [] : [{ ...cue, text }];
  });
}

/** Removes formatting, for example `<i>` and `{\an8}`. Its place in the translation is not known. */
function withoutTags(text: string): string {
  return text.replaceAll(/<\/?[a-z][^<>]*>|\{\\[^{}]*\}/gi, "").trim();
}

function hasWords(text: string): boolean {
  return /\p{Letter}/u.test(text);
}

/** Returns true if two texts have the same letters and digits. Then one is not a translation of the other. */
function isSameText(one: string, other: string): boolean {
  const letters = (text: string) => text.toLowerCase().replaceAll(/[^\p{Letter}\p{Number}]/gu, "");
  return letters(one) === letters(other);
}
