/** A subtitle's text, and what it was encoded in. */
export interface DecodedSubtitle {
  readonly text: string;
  /** The encoding's WHATWG name: "utf-8", "windows-1250", … */
  readonly encoding: string;
}

/** What subtitles of these languages were written in before UTF-8. All others: windows-1252. */
const CODE_PAGES: Readonly<Record<string, string>> = {
  ...codePage("windows-1250", ["bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl", "sq", "sr-Latn"]),
  ...codePage("windows-1251", ["be", "bg", "kk", "mk", "mn", "ru", "sr", "tg", "uk"]),
  ...codePage("windows-1253", ["el"]),
  ...codePage("windows-1254", ["az", "tr"]),
  ...codePage("windows-1255", ["he", "yi"]),
  ...codePage("windows-1256", ["ar", "fa", "ur"]),
  ...codePage("windows-1257", ["et", "lt", "lv"]),
  ...codePage("windows-1258", ["vi"]),
  ...codePage("windows-874", ["th"]),
  ...codePage("shift_jis", ["ja"]),
  ...codePage("euc-kr", ["ko"]),
  ...codePage("gb18030", ["zh"]),
  ...codePage("big5", ["zh-Hant"]),
};

/**
 * Decodes a subtitle file. In this order: byte order mark, UTF-16 by its zero bytes, strict UTF-8, the code page usual
 * for the language, windows-1252. Never throws: bytes that fit nothing become replacement characters.
 *
 * @param language BCP 47 or ISO 639-2 ("cs", "cze"); tells the code pages apart, which the bytes alone do not.
 */
export function decodeSubtitle(bytes: Uint8Array, language?: string): DecodedSubtitle {
  const marked = encodingOfMark(bytes);
  if (marked !== null) return decode(bytes, marked);
  // Before UTF-8, since a zero byte is valid UTF-8 too.
  const wide = utf16ByZeroBytes(bytes);
  if (wide !== null) return decode(bytes, wide);
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), encoding: "utf-8" };
  } catch {
    return decode(bytes, codePageOf(language));
  }
}

function decode(bytes: Uint8Array, label: string): DecodedSubtitle {
  const decoder = new TextDecoder(label);
  // In two calls, since in one Node 20 takes windows-1252 for latin1: control characters for quotes and dashes.
  return { text: decoder.decode(bytes, { stream: true }) + decoder.decode(), encoding: decoder.encoding };
}

function encodingOfMark([first, second, third]: Uint8Array): string | null {
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return null;
}

/** The times and line ends of a UTF-16 subtitle have a zero in every other byte, whatever its language. */
function utf16ByZeroBytes(bytes: Uint8Array): string | null {
  const sample = bytes.subarray(0, 4096);
  const zeros = { even: 0, odd: 0 };
  for (const [at, byte] of sample.entries()) {
    if (byte === 0) zeros[at % 2 === 0 ? "even" : "odd"] += 1;
  }
  const [few, many] = [sample.length * 0.01, sample.length * 0.1];
  if (zeros.odd > many && zeros.even <= few) return "utf-16le";
  if (zeros.even > many && zeros.odd <= few) return "utf-16be";
  return null;
}

function codePageOf(language: string | undefined): string {
  const fallback = "windows-1252";
  if (language === undefined) return fallback;
  try {
    // Canonicalizing turns "cze" into "cs", maximizing tells that "zh-TW" is written in Hant.
    const { language: base, script } = new Intl.Locale(language).maximize();
    return CODE_PAGES[`${base}-${script}`] ?? CODE_PAGES[base] ?? fallback;
  } catch {
    return fallback; // Not a language tag: no hint.
  }
}

function codePage(name: string, languages: readonly string[]): Record<string, string> {
  return Object.fromEntries(languages.map((language) => [language, name]));
}
