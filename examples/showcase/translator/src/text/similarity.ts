/** How much a word counts, above 0. */
export type Weigh = (word: string) => number;

/**
 * How alike two texts are: the weight of the words that both have in the same order, as a share of the heavier text.
 * 1 for the same words in the same order, 0 for none in common.
 */
export function similarity(a: readonly string[], b: readonly string[], weigh: Weigh): number {
  const heavier = Math.max(weightOf(a, weigh), weightOf(b, weigh));
  return heavier === 0 ? 1 : commonWeight(a, b, weigh) / heavier;
}

/** What the words weigh together. */
export function weightOf(words: readonly string[], weigh: Weigh): number {
  return words.reduce((sum, word) => sum + weigh(word), 0);
}

/** Words found in many texts say little about any of them: each weighs the less, the more of `texts` have it. */
export function weighByRarity(texts: readonly (readonly string[])[]): Weigh {
  const occurrences = new Map<string, number>();
  for (const words of texts) {
    for (const word of new Set(words)) occurrences.set(word, (occurrences.get(word) ?? 0) + 1);
  }
  return (word) => Math.log(1 + (texts.length + 1) / ((occurrences.get(word) ?? 0) + 1));
}

/** The weight of the heaviest common subsequence: what an edit from one text to the other can leave alone. */
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
