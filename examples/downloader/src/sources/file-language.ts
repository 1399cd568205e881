import { canonicalTag } from "@example/contracts/language";

/** Codes that subtitle sites use and no standard knows. */
const siteCodes: Readonly<Record<string, string>> = { pb: "pt-BR", pob: "pt-BR", zht: "zh-TW" };

/** The canonical tag of what a file name calls its language: `eng` and `EN` are `en`, `pt_br` is `pt-BR`. Null: no tag. */
export function languageOfFileName(text: string): string | null {
  if (!/^[a-z]{2,3}([-_][a-z0-9]{2,8})*$/i.test(text)) return null;
  return siteCodes[text.toLowerCase()] ?? canonicalTag(text);
}
