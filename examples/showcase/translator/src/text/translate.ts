import { setImmediate } from "node:timers/promises";
import type { Cue } from "@showcase/contracts/subtitle";
import { InsufficientCoverageError, ProviderReplyError } from "./errors.js";
import { breakLines } from "./layout.js";
import { isBlank, unwrap, withoutTags } from "./markup.js";
import type { LanguagePair, LineBefore, TranslatedCue, Translation, TranslationProvider } from "./provider.js";
import { hasSameWords } from "./untranslated.js";
import { usable } from "./usable.js";

/** Counted in cues that have something to translate. */
export interface TranslationProgress {
  readonly done: number;
  readonly total: number;
  /** How many of those done have a translation. */
  readonly covered: number;
}

export interface TranslateOptions {
  readonly provider: TranslationProvider;
  /** The least share of cues with a translation, from 0 to 1. Even at 0, a subtitle of which nothing is covered fails. */
  readonly minCoverage: number;
  /** Translations by cue index that an earlier attempt came to: those cues are not asked for again. @default none */
  readonly known?: ReadonlyMap<number, Translation> | undefined;
  /** Called after each batch, with all translations so far, and waited for. */
  readonly onProgress?:
    | ((progress: TranslationProgress, translations: ReadonlyMap<number, Translation>) => void | Promise<void>)
    | undefined;
  /** Aborting makes the call reject with the signal's reason, at the latest after the batch under way. */
  readonly signal?: AbortSignal | undefined;
  /** How many cues the provider gets at a time, at least 1. @default 50 */
  readonly batchSize?: number | undefined;
}

/** A subtitle in the target language, and how much of the source it is. */
export interface TranslatedSubtitle {
  /** The cues with a translation and the blank ones, with the indexes and times that they have in the source. */
  readonly cues: readonly Cue[];
  readonly covered: number;
  /** Blank cues are not counted. */
  readonly total: number;
  /** `covered / total`; 1 where there is nothing to translate. */
  readonly coverage: number;
  readonly exact: number;
  readonly fuzzy: number;
  readonly machine: number;
  /** The indexes of the fuzzy ones. */
  readonly fuzzyCues: readonly number[];
  /** The cues left out, as they read in the source. */
  readonly uncovered: readonly { readonly index: number; readonly text: string }[];
}

/** Enough to read on from. */
const LINES_BEFORE = 6;

/**
 * Translates what the provider covers and leaves out the rest: a cue of the result is a translation or blank, never
 * the source text. Tags around a whole cue are put back around its translation.
 *
 * @throws InsufficientCoverageError when less than `minCoverage` is covered, or nothing.
 * @throws ProviderReplyError when the provider's answers cannot be told apart by index.
 * @throws whatever the provider throws.
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
    // A provider may compute rather than wait: let heartbeats and other jobs through.
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

/** The usable translations by cue index, laid out and wrapped as the cue is. */
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

/** Checks that each cue is answered once and nothing else is: counting alone would miss answers that have shifted. */
function answersByIndex(
  asked: ReadonlyMap<number, unknown>,
  replies: readonly TranslatedCue[],
  provider: string,
): ReadonlyMap<number, Translation | null> {
  const answers = new Map<number, Translation | null>();
  for (const { index, translation } of replies) {
    if (!asked.has(index)) throw new ProviderReplyError(provider, `cue ${index} was not asked for`);
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
 * Removes the machine translations that repeat their source, if they are the majority of the machine translations: such a
 * machine does not translate. Numbers are kept.
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
