/** The tag in canonical form ("ES-es" → "es-ES", "spa" → "es"), or null if it is none. Underscores count as hyphens. */
export function canonicalTag(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag.trim().replaceAll("_", "-"))[0] ?? null;
  } catch {
    return null;
  }
}

/**
 * How well a text in one language serves where another is asked for: 2 the same tag, 1 one of them only says more
 * ("es-ES" and "es"), 0 not at all ("pt-BR" and "pt-PT"). Both tags canonical.
 */
export function languageFit(has: string, asked: string): 0 | 1 | 2 {
  if (has === asked) return 2;
  return has.startsWith(`${asked}-`) || asked.startsWith(`${has}-`) ? 1 : 0;
}
