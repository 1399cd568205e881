import { analyse } from "chardet";
import { codePagesOf, familyOf, lettersOf } from "./code-pages.js";

/** Text of a subtitle, and its encoding. */
export interface DecodedSubtitle {
  readonly text: string;
  /** The encoding's WHATWG name: "utf-8", "windows-1250", … */
  readonly encoding: string;
  /**
   * Evidence for the encoding:
   * - `mark`: the byte order mark
   * - `bytes`: the bytes are UTF-16, or UTF-8 with at most one damaged character for every four intact ones
   * - `language`: of the code pages of the language, this one gives the best text
   * - `detector`: a guess from the frequency of characters
   * - `default`: none
   */
  readonly foundBy: "mark" | "bytes" | "language" | "detector" | "default";
}

/** Number of bytes from which the encoding is detected. */
const SAMPLE_BYTES = 32 * 1024;
/** Maximum share of wrong characters in a text that counts as correctly decoded. */
const DOUBTFUL = 0.05;
/**
 * Minimum number of intact characters of two or more bytes for each damaged one. A text in a code page has more damaged
 * characters than intact ones.
 */
const INTACT_PER_DAMAGED = 4;
/** Minimum confidence of the detector in percent. Below it, the default is used. */
const LEAST_CONFIDENCE = 25;

/**
 * Decodes a subtitle file. It tries, in this order: the byte order mark, UTF-16 by its zero bytes, UTF-8, the code page of the
 * language that gives the best text, the detector, windows-1252. It never throws: bytes that are not valid become replacement
 * characters.
 *
 * @param language BCP 47 or ISO 639-2 tag ("cs", "cze"). It selects the code page, which the bytes alone do not identify.
 */
export function decodeSubtitle(bytes: Uint8Array, language?: string): DecodedSubtitle {
  const marked = encodingOfMark(bytes);
  if (marked !== null) return decode(bytes, marked, "mark");
  // Checks UTF-16 before UTF-8, because a zero byte is also valid UTF-8.
  const wide = utf16ByZeroBytes(bytes);
  if (wide !== null) return decode(bytes, wide, "bytes");
  return isUtf8(bytes) ? decode(bytes, "utf-8", "bytes") : decodeCodePage(bytes, language);
}

/** Describes the damage in a decoded subtitle in one sentence for its reader. Null if every byte could be decoded. */
export function damageIn(text: string): string | null {
  const damaged = countDamaged(text);
  return damaged === 0
    ? null
    : `The subtitle has ${damaged} unreadable ${damaged === 1 ? "character" : "characters"}, shown as \uFFFD: ` +
        "its file is damaged, cut short, or in an encoding that was not recognized.";
}

/** Returns true for UTF-8. A character that is cut off at the end does not count as damage: the file may be cut short. */
function isUtf8(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes, { stream: true });
  const damaged = countDamaged(text);
  const intact = (text.match(BEYOND_ASCII)?.length ?? 0) - damaged;
  return intact > 0 ? damaged * INTACT_PER_DAMAGED <= intact : bytes.every((byte) => byte < 0x80);
}

function countDamaged(text: string): number {
  return text.split("\uFFFD").length - 1;
}

function decodeCodePage(bytes: Uint8Array, language: string | undefined): DecodedSubtitle {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const found = guessesFor(sample);
  const guesses = new Map([...found].reverse().map(([page, confidence]) => [familyOf(page), confidence]));
  const wrongIn = (page: string) => shareOfWrong(new TextDecoder(page).decode(sample, { stream: true }), language);
  const pages = codePagesOf(language);
  const [best] = (pages ?? ["windows-1252"])
    .map((page) => ({ page, wrong: wrongIn(page), confidence: guesses.get(familyOf(page)) ?? 0 }))
    .toSorted((one, other) => one.wrong - other.wrong || other.confidence - one.confidence);
  if (best === undefined) throw new TypeError("A language without code pages.");

  if (best.wrong > DOUBTFUL) {
    const [guess] =
      [...found].find(([page, confidence]) => confidence >= LEAST_CONFIDENCE && wrongIn(page) < best.wrong) ?? [];
    if (guess) return decode(bytes, guess, "detector");
  }
  return decode(bytes, best.page, pages ? "language" : "default");
}

function decode(bytes: Uint8Array, label: string, foundBy: DecodedSubtitle["foundBy"]): DecodedSubtitle {
  const decoder = new TextDecoder(label);
  // Decodes in two calls. In one call, Node 20 uses latin1 for windows-1252, with control characters instead of quotes and
  // dashes.
  return { text: decoder.decode(bytes, { stream: true }) + decoder.decode(), encoding: decoder.encoding, foundBy };
}

function encodingOfMark([first, second, third]: Uint8Array): string | null {
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return null;
}

/** Returns true for UTF-16. The times and line ends of such a subtitle have a zero in every other byte, in every language. */
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

/** Returns the detector's encodings by their WHATWG names, with the confidence in percent, in descending order. */
function guessesFor(sample: Uint8Array): ReadonlyMap<string, number> {
  const guesses = new Map<string, number>();
  for (const { name, confidence } of analyse(sample)) {
    try {
      const { encoding } = new TextDecoder(name);
      if (!guesses.has(encoding)) guesses.set(encoding, confidence);
    } catch {
      // Ignores encodings that the platform cannot decode, such as UTF-32. No subtitles use them.
    }
  }
  return guesses;
}

/** Returns the share of the characters beyond ASCII that look like a wrong code page. */
function shareOfWrong(text: string, language: string | undefined): number {
  const foreign = text.match(BEYOND_ASCII) ?? [];
  if (foreign.length === 0) return 0;
  const latin = foreign.filter((character) => LATIN.test(character)).length;
  // Counts a text with mostly accented letters as wrong. No language with Latin letters has such texts.
  if (latin > (text.match(PLAIN_LETTER)?.length ?? 0)) return 1;
  const letters = lettersOf(language);
  const strange =
    letters === null ? [] : foreign.filter((one) => LATIN.test(one) && !letters.includes(one.toLowerCase()));
  const symbols = (codePagesOf(language)?.length ?? 0) > 1 ? (text.match(SYMBOL_AT_LETTER)?.length ?? 0) : 0;
  return ((text.match(READS_WRONG)?.length ?? 0) + symbols + strange.length) / foreign.length;
}

const BEYOND_ASCII = /[^\0-\x7f]/gu;
const PLAIN_LETTER = /[a-z]/gi;
const LATIN = /\p{sc=Latin}/u;
/**
 * Matches text that no language has: replacement and control characters, symbols within a word, a capital letter after a small
 * one, letters of two scripts in one word.
 */
const READS_WRONG =
  /[\uFFFD\x80-\x9f]|(?<=\p{L})[\xa1-\xac\xae-\xb6\xb8-\xbf\xd7\xf7](?=\p{L})|(?<=(?![a-z])\p{Ll})\p{Lu}|(?<=[A-Za-z])(?:\p{sc=Cyrillic}|\p{sc=Greek}|\p{sc=Hebrew}|\p{sc=Arabic})|(?:\p{sc=Cyrillic}|\p{sc=Greek}|\p{sc=Hebrew}|\p{sc=Arabic})(?=[A-Za-z])/gu;
/**
 * Symbol next to a letter, as a wrong code page of the language gives it. It is only used to compare the language's code
 * pages, because captions do contain texts such as "¶la".
 */
const SYMBOL_AT_LETTER = /[¤¦§¨©¬®¯±´µ¶·¸\u2500-\u259f](?=\p{L})|(?<=\p{L})[¤¦¨¬¯±¸\u2500-\u259f]/gu;
