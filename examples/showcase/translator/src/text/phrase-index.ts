import { carryMarks, carryNumbers, meaningOf, questionsIn, withOpenNumber } from "./fidelity.js";
import type { Translation } from "./provider.js";
import { wordsOf } from "./segments.js";
import { similarity, type Weigh, weighByRarity, weightOf } from "./similarity.js";
import { hasSameWords } from "./untranslated.js";

/** Text and its translation in a translation memory. */
export interface Phrase {
  readonly source: string;
  readonly target: string;
}

interface Entry {
  readonly phrase: Phrase;
  readonly words: readonly string[];
  readonly weight: number;
  /** See `meaningOf`. */
  readonly meaning: string;
}

/** Maximum score of a fuzzy match, which is never the same text, also if only case or numbers differ. */
const MAX_FUZZY_SCORE = 0.99;

/** Finds phrases by their source text: the same text except for case, punctuation and spaces, otherwise the most similar one. */
export class PhraseIndex {
  /** Language of the sources. */
  readonly language: string;
  readonly #threshold: number;
  readonly #bySource = new Map<string, Phrase[]>();
  readonly #entries: readonly Entry[];
  readonly #weigh: Weigh;
  /** Entries with a word, and its count in each. Only they can be similar. */
  readonly #entriesByWord = new Map<string, { readonly at: number; readonly count: number }[]>();

  /** @param threshold minimum score of a fuzzy match, above 0, at most 1 */
  constructor(phrases: readonly Phrase[], language: string, threshold: number) {
    this.language = language;
    this.#threshold = threshold;
    for (const phrase of phrases) push(this.#bySource, this.#keyOf(phrase.source), phrase);

    // A phrase that is the same in both languages can be right ("OK"), but is not used for similar ones.
    const translated = phrases.filter(({ source, target }) => !hasSameWords(source, target));
    const words = translated.map(({ source }) => this.#openWordsOf(source));
    this.#weigh = weighByRarity(words);
    this.#entries = translated.map((phrase, at) => this.#index(phrase, words[at] ?? [], at));
  }

  /** Returns the best translation for this text, or null. */
  find(text: string): Translation | null {
    return this.#findSame(text) ?? this.#findSimilar(text);
  }

  #findSame(text: string): Translation | null {
    const phrases = this.#bySource.get(this.#keyOf(text)) ?? [];
    const phrase = phrases.find(({ source }) => source === text) ?? phrases[0];
    return phrase === undefined ? null : { text: carryMarks(text, phrase), match: "exact", score: 1 };
  }

  #findSimilar(text: string): Translation | null {
    const words = this.#openWordsOf(text);
    const weight = weightOf(words, this.#weigh);
    const meaning = meaningOf(text, words, this.language);

    let best: Translation | null = null;
    for (const { entry, bound } of this.#candidates(words, weight)) {
      // The candidates are in descending order of their bound, so none of the others can be better.
      if (best !== null && bound <= best.score) break;
      if (entry.meaning !== meaning) continue;
      const score = similarity(words, entry.words, this.#weigh);
      if (score < this.#threshold || (best !== null && score <= best.score)) continue;
      const target = carryNumbers(text, entry.phrase);
      if (target !== null)
        best = {
          text: carryMarks(text, { ...entry.phrase, target }),
          match: "fuzzy",
          score: Math.min(score, MAX_FUZZY_SCORE),
        };
    }
    return best;
  }

  /**
   * Returns the entries whose score can reach the threshold. The score is at most the share of the weight that the shared words
   * have.
   */
  #candidates(words: readonly string[], weight: number): readonly { readonly entry: Entry; readonly bound: number }[] {
    const shared = new Float64Array(this.#entries.length);
    for (const [word, count] of countsOf(words)) {
      const weightOfWord = this.#weigh(word);
      for (const found of this.#entriesByWord.get(word) ?? []) {
        shared[found.at] = (shared[found.at] ?? 0) + weightOfWord * Math.min(count, found.count);
      }
    }
    const candidates: { readonly entry: Entry; readonly bound: number }[] = [];
    for (const [at, entry] of this.#entries.entries()) {
      const bound = (shared[at] ?? 0) / Math.max(weight, entry.weight);
      if (bound >= this.#threshold) candidates.push({ entry, bound });
    }
    return candidates.sort((a, b) => b.bound - a.bound);
  }

  #index(phrase: Phrase, words: readonly string[], at: number): Entry {
    for (const [word, count] of countsOf(words)) push(this.#entriesByWord, word, { at, count });
    const meaning = meaningOf(phrase.source, words, this.language);
    return { phrase, words, weight: weightOf(words, this.#weigh), meaning };
  }

  #openWordsOf(text: string): readonly string[] {
    return wordsOf(text, this.language).map(withOpenNumber);
  }

  #keyOf(text: string): string {
    return wordsOf(text, this.language).join(" ") + "?".repeat(questionsIn(text));
  }
}

function countsOf(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
