/** Letters that Unicode does not decompose, as file names write them without the language's keyboard. */
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
 * A title in a form that differs only if the titles do: not by case, accents, spaces or punctuation. `Anna's` is `Annas`,
 * `&` is `and`, `Straße` is `Strasse`.
 */
export function titleKey(text: string): string {
  return text
    .toLowerCase()
    .replace(/[ßæœøđðþłı]/g, (letter) => PLAIN[letter] ?? letter)
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "") // accents; the marks of other scripts are part of their words
    .normalize("NFC")
    .replaceAll("&", "and")
    .replace(/[^\p{Letter}\p{Number}\p{Mark}]+/gu, "");
}
