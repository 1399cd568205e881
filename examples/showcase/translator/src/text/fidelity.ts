// Checks that a similar text must pass so that its translation can be used. One more or less word gives a draft that can be
// corrected. A missing "not", another number, or a question as a statement gives a wrong subtitle that sounds right.

/** Words that change the meaning: negations and number words. Languages that are not in the list have no such check. */
const TELLING_WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  en: wordSet(
    "not no never nobody nothing nowhere none neither nor without cannot",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million half quarter",
    "first second third fourth fifth once twice",
  ),
  es: wordSet(
    "no nunca jamás nadie nada ningún ninguno ninguna tampoco ni sin",
    "cero dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince veinte treinta cuarenta",
    "cincuenta sesenta setenta ochenta noventa cien ciento mil millón medio media cuarto",
    "primero primera segundo segunda tercero tercera",
  ),
};
const QUESTION_MARKS = /[?？؟]+/g;
const NUMBERS = /\d+(?:[.,:]\d+)*/g;

/** Returns the words that must be the same in two similar texts. Numbers in digits are not part of them. */
export function meaningOf(text: string, words: readonly string[], language: string): string {
  const telling = TELLING_WORDS[new Intl.Locale(language).language];
  const found = words.map((word) => (word.endsWith("n't") ? "not" : word)).filter((word) => telling?.has(word));
  return [...found.sort(), "?".repeat(questionsIn(text))].join(" ");
}

/** Returns the number of questions in the text. */
export function questionsIn(text: string): number {
  return text.match(QUESTION_MARKS)?.length ?? 0;
}

/** A word with its number, if it is one, left open: two texts that differ only in numbers have the same words. */
export function withOpenNumber(word: string): string {
  return /^[\d.,:]+$/.test(word) ? "#" : word;
}

/**
 * Returns the target text with the numbers of this text instead of those of its source. Null unless it is clear which number is
 * which: each number that differs occurs once on both sides, is an integer or a time of day (decimals have different forms in
 * each language), and neither is 1 (the words next to it would change: "a la 1:30").
 */
export function carryNumbers(text: string, made: { readonly source: string; readonly target: string }): string | null {
  const [wanted, given] = [numbersIn(text), numbersIn(made.source)];
  if (wanted.length !== given.length) return null;

  const replacements = new Map<string, string>();
  const inTarget = numbersIn(made.target);
  for (const [at, from] of given.entries()) {
    const to = wanted[at];
    if (to === undefined || from === to) continue;
    const plain = isSwappable(from) && isSwappable(to) && countOf(from, given) === 1 && countOf(from, inTarget) === 1;
    if (!plain) return null;
    replacements.set(from, to);
  }
  return made.target.replaceAll(NUMBERS, (number) => replacements.get(number) ?? number);
}

/** Character around a text that does not belong to its words: a music note, quotation mark or bracket. */
const MARK = /[\s♪♫♬#*"“”„«»‹›()[\]]/;

/** Returns the target text, with the marks of this text if they differ from those of the source of the translation. */
export function carryMarks(text: string, made: { readonly source: string; readonly target: string }): string {
  const [wanted, given] = [marksOf(text), marksOf(made.source)];
  if (wanted.before === given.before && wanted.after === given.after) return made.target;
  return wanted.before + marksOf(made.target).text + wanted.after;
}

function marksOf(marked: string) {
  const text = marked.trim();
  let [start, end] = [0, text.length];
  while (start < end && MARK.test(text.charAt(start))) start += 1;
  while (start < end && MARK.test(text.charAt(end - 1))) end -= 1;
  return { before: text.slice(0, start), text: text.slice(start, end), after: text.slice(end) };
}

const numbersIn = (text: string): readonly string[] => text.match(NUMBERS) ?? [];
const isSwappable = (number: string) => /^\d+(:\d+)*$/.test(number) && !/^0*1(:|$)/.test(number);
const countOf = (number: string, numbers: readonly string[]) => numbers.filter((other) => other === number).length;

function wordSet(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(" ")));
}
