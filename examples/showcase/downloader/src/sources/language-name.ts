import { canonicalTag } from "@showcase/contracts/language";
import { titleKey } from "./title-key.js";

/** Codes of subtitle websites that are not in a standard. */
const siteCodes: Readonly<Record<string, string>> = {
  pb: "pt-BR",
  pob: "pt-BR",
  zht: "zh-TW",
  zhs: "zh-CN",
  cht: "zh-TW",
  chs: "zh-CN",
};

const names = new Intl.DisplayNames("en", { type: "language", fallback: "none" });
const regions = new Intl.DisplayNames("en", { type: "region", fallback: "none" });

/**
 * Returns the canonical tag of a code in a file name: `eng` and `EN` are `en`, `pt_br` is `pt-BR`. Returns null for all other
 * words, including those that only look like a code (`WEB`, `AAC`).
 */
export function languageOfCode(text: string): string | null {
  if (!/^[a-z]{2,3}([-_][a-z0-9]{2,8})*$/i.test(text)) return null;
  const tag = siteCodes[text.toLowerCase()] ?? canonicalTag(text);
  if (tag === null) return null;
  const { language, region } = new Intl.Locale(tag);
  const isKnown = names.of(language) !== undefined && (region === undefined || regions.of(region) !== undefined);
  return isKnown ? tag : null;
}

/** Names of languages in file names that are not in the standard. */
const otherNames: Readonly<Record<string, string>> = {
  Brazilian: "pt-BR",
  "Portuguese Brazilian": "pt-BR",
  "Portuguese BR": "pt-BR",
  "Chinese Simplified": "zh-Hans",
  "Chinese Traditional": "zh-Hant",
  Castilian: "es-ES",
  Latino: "es-419",
  "Spanish Latin American": "es-419",
  Farsi: "fa",
};
const VARIETIES = ["pt-BR", "pt-PT", "zh-Hans", "zh-Hant", "es-419", "es-ES", "en-GB", "en-US", "fr-CA", "sr-Latn"];

let byName: ReadonlyMap<string, string> | null = null;

/** Returns the tag for the name of a language in English (`Brazilian Portuguese`) or in itself (`Español`), or null. */
export function languageOfName(text: string): string | null {
  byName ??= knownNames();
  return byName.get(titleKey(text)) ?? null;
}

function knownNames(): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const [name, tag] of Object.entries(otherNames)) known.set(titleKey(name), tag);
  const letters = Array.from({ length: 26 }, (_, at) => String.fromCharCode(97 + at));
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  for (const tag of [...VARIETIES, ...codes.filter((code) => canonicalTag(code) === code)]) {
    const ownNames = new Intl.DisplayNames(tag, { type: "language", fallback: "none" });
    for (const name of [names.of(tag), ownNames.of(tag)]) {
      // Languages such as `Bokmål` have the same name as their plain code. The first tag of a name is kept.
      if (name !== undefined && !known.has(titleKey(name))) known.set(titleKey(name), tag);
    }
  }
  return known;
}
