import { withoutTags } from "./markup.js";
import type { Translation } from "./provider.js";
import { lettersOf, sentencesOf, turnsOf, wordsOf } from "./segments.js";

/** A passage with more words than this is a sentence, unless it is a name. */
const MAX_WORDS_UNCHANGED = 2;
/** In UTF-16 units. On Node 20, finding words and sentences takes the square of the length. */
const MAX_SEGMENTED = 2000;
const WORD = /[\p{L}\p{M}\p{N}'’]+/gu;

/** `true` if both texts have the same words: tags, case, punctuation, spaces and line breaks do not count. */
export function hasSameWords(one: string, other: string): boolean {
  return lettersOf(withoutTags(one)) === lettersOf(withoutTags(other));
}

/**
 * `true` if the translation repeats the source, or one of its speakers or sentences, although that has something to
 * translate. A number, a name and at most two words from a machine may be the same in both languages.
 *
 * @param language The language of the source.
 */
export function isUntranslated(source: string, { text, match }: Translation, language: string): boolean {
  if (match === "exact") return false; // a person decided it for this very text
  const given = new Set(passagesOf(text, language).map(lettersOf));
  return passagesOf(source, language).some(
    (passage) => given.has(lettersOf(passage)) && !mayStay(passage, match, language),
  );
}

/** The text itself, what each speaker says, and each sentence. */
function passagesOf(marked: string, language: string): readonly string[] {
  const text = withoutTags(marked);
  if (text.length > MAX_SEGMENTED) return [text];
  const turns = turnsOf(text).map((turn) => turn.text);
  return [text, ...turns, ...turns.flatMap((turn) => sentencesOf(turn, language))];
}

function mayStay(passage: string, match: Translation["match"], language: string): boolean {
  if (!/\p{L}/u.test(passage)) return true;
  if (match !== "machine" || passage.length > MAX_SEGMENTED) return false;
  const words = wordsOf(passage, language).filter((word) => /\p{L}/u.test(word));
  return words.length <= MAX_WORDS_UNCHANGED || isName(passage);
}

/** `true` for words that all begin with a capital or are numbers, such as "Dr. Martin Luther King", but not for "STOP IT NOW". */
function isName(passage: string): boolean {
  const words = passage.match(WORD) ?? [];
  return /\p{Ll}/u.test(passage) && words.every((word) => /^[\p{Lu}\p{N}]/u.test(word));
}
