import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { decodeSubtitle } from "./encoding.js";
import { LanguagePairError, TranslationMemoryError } from "./errors.js";
import { canonicalTag, languageFit } from "./language.js";
import { type Phrase, PhraseIndex } from "./phrase-index.js";
import type { LanguagePair, Translation, TranslationProvider } from "./provider.js";
import { sentencesOf, turnsOf } from "./segments.js";
import { parseTmx, TmxSyntaxError, type TmxUnit } from "./tmx.js";

export interface TranslationMemoryOptions {
  /** The least score of a fuzzy match, above 0, at most 1. @default 0.75 */
  readonly fuzzyThreshold?: number | undefined;
}

/**
 * Translates from a TMX 1.4 file. A cue is looked up as a whole, each speaker's turn by itself, and else sentence by
 * sentence; it is covered only if all of it is. "Exact" means the same words, numbers and questions. A fuzzy match
 * gives the memory's text for the most similar phrase, a draft: numbers are carried over where that is unambiguous, and
 * a phrase that differs in a negation or a question is none. A phrase that the memory has untranslated ("OK", a name)
 * is an exact match for itself and serves for nothing else.
 *
 * @throws TranslationMemoryError when the file cannot be read or is not TMX.
 */
export async function loadTranslationMemory(
  path: string,
  options: TranslationMemoryOptions = {},
): Promise<TranslationProvider> {
  const { fuzzyThreshold = 0.75 } = options;
  if (!(fuzzyThreshold > 0 && fuzzyThreshold <= 1)) {
    throw new RangeError(`fuzzyThreshold is out of range: ${fuzzyThreshold}`);
  }
  const units = await readUnits(path);
  const name = `Translation memory ${basename(path)}`;
  const indexes = new Map<string, PhraseIndex>();

  const indexFor = (pair: LanguagePair): PhraseIndex => {
    const key = `${pair.source} ${pair.target}`;
    const known = indexes.get(key);
    if (known !== undefined) return known;

    const [source, target] = [canonicalTag(pair.source), canonicalTag(pair.target)];
    const phrases = source === null || target === null ? [] : phrasesFor(units, source, target);
    if (source === null || phrases.length === 0) throw new LanguagePairError(name, pair, languagesOf(units));
    const index = new PhraseIndex(phrases, source, fuzzyThreshold);
    indexes.set(key, index);
    return index;
  };

  return {
    name,
    async translate(cues, pair, signal) {
      const index = indexFor(pair);
      return cues.map((cue) => {
        signal.throwIfAborted();
        return { index: cue.index, translation: translateText(cue.text, index) };
      });
    },
  };
}

async function readUnits(path: string): Promise<readonly TmxUnit[]> {
  try {
    // TMX comes in UTF-16 as often as in UTF-8.
    return parseTmx(decodeSubtitle(await readFile(path)).text);
  } catch (error) {
    if (error instanceof TmxSyntaxError) throw new TranslationMemoryError(path, error.message, { cause: error });
    const reason = error instanceof Error && "code" in error ? `cannot be read (${error.code})` : null;
    if (reason === null) throw error;
    throw new TranslationMemoryError(path, reason, { cause: error });
  }
}

function translateText(text: string, index: PhraseIndex): Translation | null {
  const turns = turnsOf(text).map((turn) => {
    const translation = translateTurn(turn.text, index);
    return translation === null ? null : { ...translation, text: turn.dash + translation.text };
  });
  return joined(turns, "\n");
}

function translateTurn(text: string, index: PhraseIndex): Translation | null {
  const whole = index.find(text);
  if (whole?.match === "exact") return whole;
  const sentences = sentencesOf(text, index.language);
  const bySentence =
    sentences.length > 1
      ? joined(
          sentences.map((sentence) => index.find(sentence)),
          " ",
        )
      : null;
  return (bySentence?.score ?? 0) > (whole?.score ?? 0) ? bySentence : whole;
}

/** All the parts as one, no better than the worst of them; null if one is missing, for half a cue misleads. */
function joined(parts: readonly (Translation | null)[], separator: string): Translation | null {
  const found = parts.filter((part) => part !== null);
  if (found.length === 0 || found.length < parts.length) return null;
  return {
    text: found.map(({ text }) => text).join(separator),
    match: found.every(({ match }) => match === "exact") ? "exact" : "fuzzy",
    score: Math.min(...found.map(({ score }) => score)),
  };
}

function phrasesFor(units: readonly TmxUnit[], source: string, target: string): readonly Phrase[] {
  return units.flatMap((unit) => {
    const from = variantIn(unit, source);
    const to = variantIn(unit, target);
    return from === null || to === null || from === to ? [] : [{ source: from.text, target: to.text }];
  });
}

function variantIn({ variants }: TmxUnit, language: string): TmxUnit["variants"][number] | null {
  const same = variants.find((variant) => languageFit(variant.language, language) === 2);
  return same ?? variants.find((variant) => languageFit(variant.language, language) === 1) ?? null;
}

function languagesOf(units: readonly TmxUnit[]): readonly string[] {
  return [...new Set(units.flatMap(({ variants }) => variants.map(({ language }) => language)))].sort();
}
