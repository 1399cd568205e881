import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { canonicalTag, languageFit } from "@showcase/contracts/language";
import { decodeSubtitle } from "@showcase/contracts/subtitle";
import { TmxError } from "../../../../translator/tmx.js";
import { LanguagePairError, TranslationMemoryError } from "./errors.js";
import { withoutTags } from "./markup.js";
import { type Phrase, PhraseIndex } from "./phrase-index.js";
import type { LanguagePair, Translation, TranslationProvider } from "./provider.js";
import { sentencesOf, turnsOf } from "./segments.js";
import { parseTmx, type TmxUnit } from "./tmx.js";

export interface TranslationMemoryOptions {
  /** Minimum score of a fuzzy match, above 0, at most 1. @default 0.75 */
  readonly fuzzyThreshold?: number | undefined;
}

/**
 * Maximum length of a text in UTF-16 units, much longer than a cue that can be read. On Node 20, finding words and sentences
 * takes quadratic time, so the length of untrusted texts is limited.
 */
const LONGEST_TEXT = 2000;

/**
 * Translates with a TMX 1.4 file. It replaces the memory of the templates, which has no fuzzy matches. A cue is searched as a
 * whole, then by the turns of its speakers, then by sentences. It is covered only if all of it is, and if it has at most 2,000
 * characters.
 *
 * "Exact" means the same words, numbers and questions. A fuzzy match gives the memory's text for the most similar phrase, which
 * is a draft: numbers are replaced if it is clear which one is which. A phrase with another negation, number word or question is
 * not used. A phrase that is the same in both languages ("OK", a name) is an exact match for itself only.
 *
 * @throws TranslationMemoryError if the file cannot be read or is not TMX
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
    // Reads UTF-16 and UTF-8, because both are common for TMX.
    return parseTmx(decodeSubtitle(await readFile(path)).text);
  } catch (error) {
    if (error instanceof TmxError) throw new TranslationMemoryError(path, error.message);
    const reason = error instanceof Error && "code" in error ? `cannot be read (${error.code})` : null;
    if (reason === null) throw error;
    throw new TranslationMemoryError(path, reason);
  }
}

function translateText(text: string, index: PhraseIndex): Translation | null {
  if (text.length > LONGEST_TEXT) return null;
  return translateParts(turnsOf(withoutTags(text)), "\n", ({ dash, text }) => {
    const translation = translateTurn(text, index);
    return translation === null ? null : { ...translation, text: dash + translation.text };
  });
}

function translateTurn(text: string, index: PhraseIndex): Translation | null {
  const whole = index.find(text);
  if (whole?.match === "exact") return whole;
  const sentences = sentencesOf(text, index.language);
  const bySentence = sentences.length > 1 ? translateParts(sentences, " ", (sentence) => index.find(sentence)) : null;
  return (bySentence?.score ?? 0) > (whole?.score ?? 0) ? bySentence : whole;
}

/**
 * Joins the translations of all parts, with the lowest score of them. Null if one is missing, because a part of a cue would have
 * another meaning.
 */
function translateParts<Part>(
  parts: readonly Part[],
  separator: string,
  translate: (part: Part) => Translation | null,
): Translation | null {
  if (parts.length === 0) return null;
  const texts: string[] = [];
  let [match, score]: [Translation["match"], number] = ["exact", 1];
  for (const part of parts) {
    const translation = translate(part);
    if (translation === null) return null;
    texts.push(translation.text);
    if (translation.match === "fuzzy") match = "fuzzy";
    score = Math.min(score, translation.score);
  }
  return { text: texts.join(separator), match, score };
}

function phrasesFor(units: readonly TmxUnit[], source: string, target: string): readonly Phrase[] {
  return units.flatMap((unit) => {
    const from = variantIn(unit, source);
    const to = variantIn(unit, target);
    if (from === null || to === null || from === to || from.text.length > LONGEST_TEXT) return [];
    return [{ source: from.text, target: to.text }];
  });
}

function variantIn({ variants }: TmxUnit, language: string): TmxUnit["variants"][number] | null {
  const same = variants.find((variant) => languageFit(variant.language, language) === 2);
  return same ?? variants.find((variant) => languageFit(variant.language, language) === 1) ?? null;
}

function languagesOf(units: readonly TmxUnit[]): readonly string[] {
  return [...new Set(units.flatMap(({ variants }) => variants.map(({ language }) => language)))].sort();
}
