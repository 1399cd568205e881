/** Codes that subtitle sites use and no standard knows. */
const siteCodes: Readonly<Record<string, string>> = { pb: "pt-BR", pob: "pt-BR", zht: "zh-TW" };

/** The canonical tag of what a file name calls its language: `eng` and `EN` are `en`, `pt_br` is `pt-BR`. Null: no tag. */
export function canonicalLanguage(text: string): string | null {
  const tag = text.replaceAll("_", "-");
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(tag)) return null;
  try {
    return siteCodes[tag.toLowerCase()] ?? Intl.getCanonicalLocales(tag)[0] ?? null;
  } catch {
    return null; // shaped like a tag, and none
  }
}

/**
 * How well a subtitle in one language serves who asked for another: 2 the same, 1 where one is only less precise about
 * the region (`en` and `en-GB`), 0 not at all (`pt-BR` and `pt-PT`).
 */
export function languageFit(wanted: string, found: string): 0 | 1 | 2 {
  if (wanted === found) return 2;
  return wanted.startsWith(`${found}-`) || found.startsWith(`${wanted}-`) ? 1 : 0;
}
