import { withoutTags } from "./markup.js";
import type { Translation } from "./provider.js";
import { lettersOf, sentencesOf, turnsOf, wordsOf } from "./segments.js";

/** Maximum number of words in a passage that can be the same in both languages. Names can be longer. */
const MAX_WORDS_UNCHANGED = 2;
/** Maximum length of a text that is split, in UTF-16 units. On Node 20, splitting into words takes quadratic time. */
const MAX_SEGMENTED = 2000;
const WORD = /[\p{L}\p{M}\p{N}'’]+/gu;

/** Returns true if both texts have the same words. Tags, case, punctuation, spaces and line breaks do not count. */
export function hasSameWords(one: string, other: string): boolean {
  return lettersOf(withoutTags(one)) === lettersOf(withoutTags(other));
}

/**
 * Returns true if the translation repeats the source, or one of its speakers or sentences. A machine translation can repeat
 * numbers, names and passages of at most two words, which can be the same in both languages.
 *
 * @param language language of the source
 */
export function isUntranslated(source: string, { text, match }: Translation, language: string): boolean {
  if (match === "exact") return false; // This is a human translation of exactly this text.
  const given = new Set(passagesOf(text, language).map(lettersOf));
  return passagesOf(source, language).some(
    (passage) => given.has(lettersOf(passage)) && !mayStay(passage, match, language),
  );
}

/** Returns the text itself, the text of each speaker, and each sentence. */
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

/** Returns true if all words are numbers or begin with a capital, as in "Dr. Martin Luther King" but not in "STOP IT NOW". */
function isName(passage: string): boolean {
  const words = passage.match(WORD) ?? [];
  return /\p{Ll}/u.test(passage) && words.every((word) => /^[\p{Lu}\p{N}]/u.test(word));
}
