/**
 * Returns the tag in its canonical form ("ES-es" → "es-ES", "spa" → "es"), or null if it is not a language tag. Underscores count
 * as hyphens.
 */
export function canonicalTag(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag.trim().replaceAll("_", "-"))[0] ?? null;
  } catch {
    return null;
  }
}

/**
 * Rates a text in the language `has` if the language `asked` is requested. Both tags are canonical.
 *
 * - 2: the same language, also if the tags differ: "zh-CN" and "zh-Hans", "nb" and "no"
 * - 1: one of them is more specific: "es-MX" and "es", "sr-Latn" and "sr", "zh-HK" and "zh-Hant". Or both are in a script
 *   that is not the language's usual one: "zh-HK" and "zh-TW"
 * - 0: another language, or another variety: "pt-BR" and "pt-PT", "zh-CN" and "zh-TW"
 */
export function languageFit(has: string, asked: string): 0 | 1 | 2 {
  if (has === asked) return 2;
  const [one, other] = [partsOf(has), partsOf(asked)];
  if (one.whole === other.whole && one.isPlain === other.isPlain) return 2;
  if (one.language !== other.language) return 0;
  if (one.isPlain || other.isPlain) return 1;
  if (one.script !== other.script) return 0;
  const sameRegion = one.region === undefined || other.region === undefined || one.region === other.region;
  return sameRegion || one.script !== one.usualScript ? 1 : 0;
}

interface Parts {
  /** Tag with its likely script and region: "zh-TW" is "zh-Hant-TW". */
  readonly whole: string;
  readonly language: string;
  readonly script: string | undefined;
  readonly usualScript: string | undefined;
  /** Undefined if the tag does not name a region. */
  readonly region: string | undefined;
  /** True if the tag names neither a script nor a region. */
  readonly isPlain: boolean;
}

const MOST_REMEMBERED = 1000;
const remembered = new Map<string, Parts>();

/** Returns the parts of a tag from a cache, because a translation memory compares the same few tags for each of its units. */
function partsOf(tag: string): Parts {
  const known = remembered.get(tag);
  if (known) return known;
  // Norwegian subtitles are Bokmål unless they are tagged as Nynorsk.
  const locale = new Intl.Locale(tag.replace(/^nb(?=-|$)/, "no"));
  const { region } = locale;
  const likely = locale.maximize();
  const parts = {
    whole: likely.toString(),
    language: likely.language,
    script: likely.script,
    usualScript: new Intl.Locale(likely.language).maximize().script,
    region,
    isPlain: locale.script === undefined && region === undefined,
  };
  if (remembered.size >= MOST_REMEMBERED) remembered.clear(); // The size is limited, because tags come from requests.
  remembered.set(tag, parts);
  return parts;
}
