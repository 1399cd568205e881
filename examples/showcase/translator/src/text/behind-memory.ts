import type { Cue } from "@showcase/contracts/subtitle";
import { LanguagePairError } from "./errors.js";
import type { LearnedTranslations } from "./learned.js";
import type { LanguagePair, TranslatedCue, Translation, TranslationProvider } from "./provider.js";
import { usable } from "./usable.js";

export interface BehindMemoryOptions {
  readonly memory?: TranslationProvider | undefined;
  readonly learned?: LearnedTranslations | undefined;
  /** Asked for what the others do not have. */
  readonly provider: TranslationProvider;
}

/**
 * A provider that is asked last. First come the translation memory's exact matches, which a person made; then what a machine
 * was asked before; then the provider, whose answers are learned. Where it has none, the memory's draft serves.
 */
export function behindMemory({ memory, learned, provider }: BehindMemoryOptions): TranslationProvider {
  return {
    name: memory ? `${memory.name}, then ${provider.name}` : provider.name,
    settings: JSON.stringify([memory?.name ?? null, provider.settings ?? provider.name]),
    async translate(cues, pair, signal, before) {
      const remembered = byIndex(memory ? await askMemory(memory, cues, pair, signal) : []);
      const found = new Map([...remembered].filter(([, { match }]) => match === "exact"));
      const open = () => cues.filter(({ index }) => !found.has(index));

      const known =
        learned &&
        (await learned.find(
          open().map(({ text }) => text),
          pair,
        ));
      for (const { index, text } of open()) {
        const translation = known?.get(text);
        if (translation !== undefined) found.set(index, { text: translation, match: "machine", score: 1 });
      }

      const asked = open();
      const answers = asked.length > 0 ? await provider.translate(asked, pair, signal, before) : [];
      const news = new Map<string, string>();
      for (const [index, answer] of byIndex(answers)) {
        const source = asked.find((cue) => cue.index === index);
        const translation = source && usable(source.text, answer, pair.source);
        if (!translation) continue;
        found.set(index, translation);
        news.set(source.text, translation.text);
      }
      await learned?.add(news, pair);
      return cues.map(({ index }) => ({ index, translation: found.get(index) ?? remembered.get(index) ?? null }));
    },
  };
}

/** A memory without this pair of languages has nothing to say, which the provider may have. */
async function askMemory(
  memory: TranslationProvider,
  cues: readonly Cue[],
  pair: LanguagePair,
  signal: AbortSignal,
): Promise<readonly TranslatedCue[]> {
  try {
    return await memory.translate(cues, pair, signal);
  } catch (error) {
    if (error instanceof LanguagePairError) return [];
    throw error;
  }
}

function byIndex(answers: readonly TranslatedCue[]): ReadonlyMap<number, Translation> {
  return new Map(answers.flatMap(({ index, translation }) => (translation ? [[index, translation] as const] : [])));
}
