import { readFile } from "node:fs/promises";
import type { LanguagePair, TranslationProvider } from "./provider.js";
import { parseTmx, type TranslationUnit } from "./tmx.js";

/**
 * Opens a translation memory: sentences with their human translations, in a TMX file. It needs no network. It only returns
 * translations of exactly the same text. Case, spaces and line breaks are ignored.
 *
 * @throws TmxError; a system error if the file cannot be read
 */
export async function openTranslationMemory(path: string): Promise<TranslationProvider> {
  const units = parseTmx(await readFile(path, "utf8"));
  const memories = new Map<string, (text: string) => string | null>();
  return {
    name: "translation memory",
    async translate(lines, pair) {
      const key = `${pair.source} ${pair.target}`;
      const find = memories.get(key) ?? lookUp(units, pair);
      memories.set(key, find);
      const found = lines.map(({ index, text }) => [index, find(text)] as const);
      return new Map(found.filter((entry): entry is [number, string] => entry[1] !== null));
    },
  };
}

/** Returns a function that finds the translation of a text, or else of all its sentences. */
function lookUp(units: readonly TranslationUnit[], { source, target }: LanguagePair) {
  const phrases = new Map<string, string>();
  for (const unit of units) {
    const [from, to] = [inLanguage(unit, source), inLanguage(unit, target)];
    // The same text in both languages is not a translation.
    if (from !== null && to !== null && keyOf(from) !== keyOf(to)) phrases.set(keyOf(from), to);
  }
  const sentences = new Intl.Segmenter(source, { granularity: "sentence" });
  return (text: string): string | null => {
    const whole = phrases.get(keyOf(text));
    if (whole !== undefined) return whole;
    const parts = Array.from(sentences.segment(text.replaceAll("\n", " ")), ({ segment }) =>
      phrases.get(keyOf(segment)),
    );
    // The text needs all of its sentences: without one, the others could have another meaning.
    return parts.includes(undefined) ? null : parts.join(" ");
  };
}

/** Returns the text in a language. The region is ignored: "es-ES" also matches "es". */
function inLanguage(unit: TranslationUnit, language: string): string | null {
  const base = (tag: string) => tag.split("-")[0]?.toLowerCase();
  for (const [tag, text] of unit) if (base(tag) === base(language)) return text;
  return null;
}

function keyOf(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().toLowerCase();
}
