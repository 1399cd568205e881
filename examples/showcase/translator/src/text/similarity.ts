/** Returns the weight of a word, above 0. */
export type Weigh = (word: string) => number;

/**
 * Returns the similarity of two texts: the weight of the words that both have in the same order, as a share of the heavier text.
 * 1: the same words in the same order. 0: no common word.
 */
export function similarity(a: readonly string[], b: readonly string[], weigh: Weigh): number {
  const heavier = Math.max(weightOf(a, weigh), weightOf(b, weigh));
  return heavier === 0 ? 1 : commonWeight(a, b, weigh) / heavier;
}

/** Returns the sum of the words' weights. */
export function weightOf(words: readonly string[], weigh: Weigh): number {
  return words.reduce((sum, word) => sum + weigh(word), 0);
}

/** Returns weights for the words of these texts. A word in many texts distinguishes them less, so it has a smaller weight. */
export function weighByRarity(texts: readonly (readonly string[])[]): Weigh {
  const occurrences = new Map<string, number>();
  for (const words of texts) {
    for (const word of new Set(words)) occurrences.set(word, (occurrences.get(word) ?? 0) + 1);
  }
  return (word) => Math.log(1 + (texts.length + 1) / ((occurrences.get(word) ?? 0) + 1));
}

/** Returns the weight of the heaviest common subsequence, which is the part that an edit of one text to the other does not change. */
function commonWeight(a: readonly string[], b: readonly string[], weigh: Weigh): number {
  let above: readonly number[] = new Array(b.length + 1).fill(0);
  for (const word of a) {
    const weight = weigh(word);
    const row = [0];
    for (const [at, other] of b.entries()) {
      const both = word === other ? (above[at] ?? 0) + weight : 0;
      row.push(Math.max(both, above[at + 1] ?? 0, row[at] ?? 0));
    }
    above = row;
  }
  return above.at(-1) ?? 0;
}
