import { setImmediate } from "node:timers/promises";
import type { Cue } from "@showcase/contracts/subtitle";
import { InsufficientCoverageError, ProviderReplyError } from "./errors.js";
import { breakLines } from "./layout.js";
import { isBlank, unwrap, withoutTags } from "./markup.js";
import type { LanguagePair, LineBefore, TranslatedCue, Translation, TranslationProvider } from "./provider.js";
import { hasSameWords } from "./untranslated.js";
import { usable } from "./usable.js";

/** Counts only cues with text to translate. */
export interface TranslationProgress {
  readonly done: number;
  readonly total: number;
  /** Number of finished cues that have a translation. */
  readonly covered: number;
}

export interface TranslateOptions {
  readonly provider: TranslationProvider;
  /** Minimum share of cues with a translation, 0 to 1. At 0, a subtitle without any translation still fails. */
  readonly minCoverage: number;
  /** Translations of an earlier attempt by cue index. These cues are not translated again. @default none */
  readonly known?: ReadonlyMap<number, Translation> | undefined;
  /** Called and awaited after each batch, with all translations until then. */
  readonly onProgress?:
    | ((progress: TranslationProgress, translations: ReadonlyMap<number, Translation>) => void | Promise<void>)
    | undefined;
  /** Aborting rejects the call with the signal's reason, at the latest after the current batch. */
  readonly signal?: AbortSignal | undefined;
  /** Number of cues per call of the provider, at least 1. @default 50 */
  readonly batchSize?: number | undefined;
}

/** Subtitle in the target language, with its coverage of the source. */
export interface TranslatedSubtitle {
  /** Cues with a translation and blank cues, with the indexes and times of the source. */
  readonly cues: readonly Cue[];
  readonly covered: number;
  /** Number of cues without the blank ones. */
  readonly total: number;
  /** `covered / total`; 1 if there is nothing to translate. */
  readonly coverage: number;
  readonly exact: number;
  readonly fuzzy: number;
  readonly machine: number;
  /** Indexes of the fuzzy matches. */
  readonly fuzzyCues: readonly number[];
  /** Cues that are left out, with their source text. */
  readonly uncovered: readonly { readonly index: number; readonly text: string }[];
}

/** Number of lines before a batch that are its context. */
const LINES_BEFORE = 6;

/**
 * Translates the cues that the provider covers, and leaves out the others. A cue of the result is a translation or blank, and
 * never the source text. Tags around a whole cue are put back around its translation.
 *
 * @throws InsufficientCoverageError if less than `minCoverage` is covered, or nothing
 * @throws ProviderReplyError if the provider's answers do not have the indexes of the cues
 * @throws errors of the provider
 */
export async function translateCues(
  cues: readonly Cue[],
  pair: LanguagePair,
  options: TranslateOptions,
): Promise<TranslatedSubtitle> {
  const { provider, minCoverage, onProgress, signal = new AbortController().signal, batchSize = 50 } = options;
  requireRange("minCoverage", minCoverage, minCoverage >= 0 && minCoverage <= 1);
  requireRange("batchSize", batchSize, Number.isInteger(batchSize) && batchSize >= 1);
  if (new Set(cues.map(({ index }) => index)).size < cues.length) throw new RangeError("Two cues have the same index");

  const spoken = cues.filter((cue) => !isBlank(cue.text));
  const translations = new Map(
    [...(options.known ?? [])].filter(([index]) => spoken.some((cue) => cue.index === index)),
  );
  const asked = spoken.filter(({ index }) => !translations.has(index));
  let done = translations.size;
  for (let start = 0; start < asked.length; start += batchSize) {
    signal.throwIfAborted();
    const batch = asked.slice(start, start + batchSize);
    const before = linesBefore(batch[0], spoken, translations);
    for (const [index, translation] of await translateBatch(batch, pair, provider, signal, before)) {
      translations.set(index, translation);
    }
    done += batch.length;
    await onProgress?.({ done, total: spoken.length, covered: translations.size }, translations);
    // Lets heartbeats and other jobs run, because a provider can compute for a long time.
    await setImmediate();
  }
  signal.throwIfAborted();

  const believed = withoutEchoes(spoken, translations);
  const found = countCovered(spoken, believed);
  if (found.coverage < minCoverage || (found.total > 0 && found.covered === 0)) {
    throw new InsufficientCoverageError(provider.name, minCoverage, found);
  }
  const translated = cues.flatMap((cue) => {
    if (isBlank(cue.text)) return [cue];
    const translation = believed.get(cue.index);
    return translation === undefined ? [] : [{ ...cue, text: translation.text }];
  });
  return { cues: translated, ...found };
}

/** Returns the usable translations by cue index, with the layout and the tags of the cue. */
async function translateBatch(
  batch: readonly Cue[],
  pair: LanguagePair,
  provider: TranslationProvider,
  signal: AbortSignal,
  before: readonly LineBefore[],
): Promise<ReadonlyMap<number, Translation>> {
  const unwrapped = new Map(batch.map((cue) => [cue.index, unwrap(cue.text)]));
  const plain = batch.map((cue) => ({ ...cue, text: unwrapped.get(cue.index)?.text ?? cue.text }));
  const replies = await provider.translate(plain, pair, signal, before);

  const translations = new Map<number, Translation>();
  for (const [index, reply] of answersByIndex(unwrapped, replies, provider.name)) {
    const source = unwrapped.get(index);
    const translation = source && reply && usable(source.text, reply, pair.source);
    if (!translation) continue;
    const text = source.before + breakLines(translation.text) + source.after;
    translations.set(index, { ...translation, text });
  }
  return translations;
}

/**
 * Checks that each cue has one answer, and that there are no other answers. The number alone does not show answers that have
 * moved.
 */
function answersByIndex(
  asked: ReadonlyMap<number, unknown>,
  replies: readonly TranslatedCue[],
  provider: string,
): ReadonlyMap<number, Translation | null> {
  const answers = new Map<number, Translation | null>();
  for (const { index, translation } of replies) {
    if (!asked.has(index)) throw new ProviderReplyError(provider, `cue ${index} was not requested`);
    if (answers.has(index)) throw new ProviderReplyError(provider, `cue ${index} is answered twice`);
    answers.set(index, translation);
  }
  for (const index of asked.keys()) {
    if (!answers.has(index)) throw new ProviderReplyError(provider, `cue ${index} is not answered`);
  }
  return answers;
}

function linesBefore(
  first: Cue | undefined,
  spoken: readonly Cue[],
  translations: ReadonlyMap<number, Translation>,
): readonly LineBefore[] {
  const at = first ? spoken.indexOf(first) : 0;
  return spoken.slice(Math.max(0, at - LINES_BEFORE), at).map(({ index, text }) => {
    const translation = translations.get(index);
    return { source: withoutTags(text), target: translation ? withoutTags(translation.text) : null };
  });
}

/**
 * Removes the machine translations that repeat their source, if they are the majority. Such a machine does not translate. Numbers
 * are kept.
 */
function withoutEchoes(
  spoken: readonly Cue[],
  translations: ReadonlyMap<number, Translation>,
): ReadonlyMap<number, Translation> {
  const echoes = new Set<number>();
  let translated = 0;
  for (const { index, text } of spoken) {
    const translation = translations.get(index);
    if (translation?.match !== "machine" || !/\p{L}/u.test(withoutTags(text))) continue;
    if (hasSameWords(text, translation.text)) echoes.add(index);
    else translated += 1;
  }
  return echoes.size <= translated ? translations : new Map([...translations].filter(([index]) => !echoes.has(index)));
}

function countCovered(spoken: readonly Cue[], translations: ReadonlyMap<number, Translation>) {
  const total = spoken.length;
  const covered = translations.size;
  const indexesOf = (wanted: Translation["match"]) =>
    spoken.map(({ index }) => index).filter((index) => translations.get(index)?.match === wanted);
  const fuzzyCues = indexesOf("fuzzy");
  return {
    covered,
    total,
    coverage: total === 0 ? 1 : covered / total,
    exact: indexesOf("exact").length,
    fuzzy: fuzzyCues.length,
    machine: indexesOf("machine").length,
    fuzzyCues,
    uncovered: spoken.filter(({ index }) => !translations.has(index)).map(({ index, text }) => ({ index, text })),
  };
}

function requireRange(name: string, value: number, holds: boolean): void {
  if (!holds) throw new RangeError(`${name} is out of range: ${value}`);
}
