/** Code pages of these languages before UTF-8, the most usual one first. All other languages: windows-1252. */
const CODE_PAGES: Readonly<Record<string, readonly string[]>> = {
  ...each(["bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl", "sq", "sr-Latn"], ["windows-1250", "iso-8859-2"]),
  ...each(["be", "bg", "kk", "mk", "mn", "ru", "tg"], ["windows-1251", "koi8-r", "iso-8859-5"]),
  uk: ["windows-1251", "koi8-u", "iso-8859-5"],
  sr: ["windows-1251", "windows-1250"],
  el: ["windows-1253", "iso-8859-7"],
  ...each(["az", "tr"], ["windows-1254"]),
  ...each(["he", "yi"], ["windows-1255", "iso-8859-8"]),
  ...each(["ar", "fa", "ur"], ["windows-1256", "iso-8859-6"]),
  ...each(["et", "lt", "lv"], ["windows-1257", "iso-8859-13"]),
  vi: ["windows-1258"],
  th: ["windows-874"],
  ja: ["shift_jis", "euc-jp"],
  ko: ["euc-kr"],
  zh: ["gb18030", "big5"],
  "zh-Hant": ["big5", "gb18030"],
};

/** Letters beyond a to z, for languages whose code pages differ only in a few of them. */
const LETTERS: Readonly<Record<string, string>> = {
  bs: "čćđšž",
  cs: "áčďéěíňóřšťúůýžöü",
  hr: "čćđšž",
  hu: "áéíóöőúüű",
  pl: "ąćęłńóśźż",
  ro: "ăâîșțşţ",
  sk: "áäčďéíĺľňóôŕšťúýž",
  sl: "čšžćđ",
};

/** ISO code pages, each with the code page of Windows that has nearly the same letters and is much more common. */
const WINDOWS_TWINS: Readonly<Record<string, string>> = {
  "iso-8859-2": "windows-1250",
  "iso-8859-7": "windows-1253",
  "iso-8859-8": "windows-1255",
  "iso-8859-13": "windows-1257",
};

/**
 * Returns the language with its likely script. Canonicalizing changes "cze" to "cs", and maximizing adds Hant to "zh-TW". Null:
 * not a language tag.
 */
function localeOf(language: string | undefined): Intl.Locale | null {
  try {
    return language === undefined ? null : new Intl.Locale(language).maximize();
  } catch {
    return null;
  }
}

/** Returns the usual code pages of a language, or null if the tag does not identify them. */
export function codePagesOf(language: string | undefined): readonly string[] | null {
  const locale = localeOf(language);
  return (
    locale && (CODE_PAGES[`${locale.language}-${locale.script}`] ?? CODE_PAGES[locale.language] ?? ["windows-1252"])
  );
}

/** Returns the language's letters beyond a to z in lower case, or null if all letters are possible. */
export function lettersOf(language: string | undefined): string | null {
  return LETTERS[localeOf(language)?.language ?? ""] ?? null;
}

/** Returns one name for a code page and those with nearly the same letters. Letter frequencies do not distinguish these. */
export function familyOf(page: string): string {
  return WINDOWS_TWINS[page] ?? page;
}

function each(languages: readonly string[], pages: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(languages.map((language) => [language, pages]));
}
