import { readFile } from "node:fs/promises";
import type { LanguagePair, TranslationProvider } from "./provider.js";
import { parseTmx, type TranslationUnit } from "./tmx.js";

/**
 * Provider that needs no network: a translation memory, in which people stored sentences with their translations. It only
 * answers with a translation of the very same text. Case, spaces and line breaks do not count.
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

/** Returns a function that looks up a text: as a whole, otherwise sentence by sentence. */
function lookUp(units: readonly TranslationUnit[], { source, target }: LanguagePair) {
  const phrases = new Map<string, string>();
  for (const unit of units) {
    const [from, to] = [inLanguage(unit, source), inLanguage(unit, target)];
    // A phrase that is the same in both languages is no translation.
    if (from !== null && to !== null && keyOf(from) !== keyOf(to)) phrases.set(keyOf(from), to);
  }
  const sentences = new Intl.Segmenter(source, { granularity: "sentence" });
  return (text: string): string | null => {
    const whole = phrases.get(keyOf(text));
    if (whole !== undefined) return whole;
    const parts = Array.from(sentences.segment(text.replaceAll("\n", " ")), ({ segment }) =>
      phrases.get(keyOf(segment)),
    );
    // One missing sentence would change the meaning of the others.
    return parts.includes(undefined) ? null : parts.join(" ");
  };
}

/** Returns the text in a language; the region does not matter, so that "es-ES" serves for "es". */
function inLanguage(unit: TranslationUnit, language: string): string | null {
  const base = (tag: string) => tag.split("-")[0]?.toLowerCase();
  for (const [tag, text] of unit) if (base(tag) === base(language)) return text;
  return null;
}

function keyOf(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().toLowerCase();
}
