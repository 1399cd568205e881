import { canonicalTag } from "@showcase/contracts/language";

/** Codes of the service for languages that it divides by region or script, or for which it has another name. */
const OUTWARD: Readonly<Record<string, string>> = {
  pt: "pt-pt", // without a region: the usual meaning of the code in subtitles
  "pt-BR": "pt-br",
  "pt-PT": "pt-pt",
  "zh-Hans": "zh-cn",
  "zh-Hant": "zh-tw",
  nb: "no",
  ast: "at",
  syr: "sy",
  mni: "ma",
  cnr: "me",
};
const INWARD: Readonly<Record<string, string | null>> = {
  at: "ast",
  sy: "syr",
  ma: "mni",
  me: "cnr",
  pb: "pt-BR",
  ze: null, // Chinese and English in one file, which matches neither language
};

/**
 * Returns the service's codes for these languages, as a query takes them. A tag for which it has no code of its own is
 * requested by its base language: `es-MX` by `es`.
 */
export function languageCodes(languages: readonly string[]): string {
  return [...new Set(languages.map(codeOf))].sort().join(",");
}

function codeOf(tag: string): string {
  const { language, script, region } = new Intl.Locale(tag).maximize();
  const names = [tag, `${language}-${region}`, `${language}-${script}`, language];
  return names.map((name) => OUTWARD[name]).find((code) => code !== undefined) ?? language;
}

/** Returns the tag for a code of the service, or null if there is none. */
export function languageOfCode(code: string): string | null {
  const known = INWARD[code.toLowerCase()];
  return known === undefined ? canonicalTag(code) : known;
}
