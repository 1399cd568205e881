/** Letters that Unicode does not decompose, with their usual replacements in file names. */
const PLAIN: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  þ: "th",
  ł: "l",
  ı: "i",
};

/**
 * Returns a key that is equal for titles that differ only in case, accents, spaces or punctuation. `Anna's` is `Annas`, `&` is
 * `and`, `Straße` is `Strasse`.
 */
export function titleKey(text: string): string {
  return text
    .toLowerCase()
    .replace(/[ßæœøđðþłı]/g, (letter) => PLAIN[letter] ?? letter)
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "") // Removes accents. The marks of other scripts are part of their words.
    .normalize("NFC")
    .replaceAll("&", "and")
    .replace(/[^\p{Letter}\p{Number}\p{Mark}]+/gu, "");
}
