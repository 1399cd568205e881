import { canonicalTag } from "@example/contracts/language";

/** Where the service's code is not the lower-case tag. A language that it only has by region stands for the usual one. */
const OUTWARD: Readonly<Record<string, string>> = {
  pt: "pt-pt",
  zh: "zh-cn",
  "zh-Hans": "zh-cn",
  "zh-Hant": "zh-tw",
  ast: "at",
  syr: "sy",
  mni: "ma",
};
const INWARD: Readonly<Record<string, string | null>> = {
  at: "ast",
  sy: "syr",
  ma: "mni",
  me: "cnr",
  pb: "pt-BR",
  ze: null, // Chinese and English in one file: neither serves for the other
};

/** The service's codes for these languages, as a query takes them. */
export function languageCodes(languages: readonly string[]): string {
  return [...new Set(languages.map((tag) => OUTWARD[tag] ?? tag.toLowerCase()))].sort().join(",");
}

/** The tag for a code of the service, or null where it is none. */
export function languageOfCode(code: string): string | null {
  const known = INWARD[code.toLowerCase()];
  return known === undefined ? canonicalTag(code) : known;
}
