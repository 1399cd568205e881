import type { Cue } from "@showcase/contracts/subtitle";
import { LanguagePairError } from "./errors.js";
import type { LearnedTranslations } from "./learned.js";
import type { LanguagePair, TranslatedCue, Translation, TranslationProvider } from "./provider.js";
import { usable } from "./usable.js";

export interface BehindMemoryOptions {
  readonly memory?: TranslationProvider | undefined;
  readonly learned?: LearnedTranslations | undefined;
  /** Provider for the cues that the others do not have. */
  readonly provider: TranslationProvider;
}

/**
 * Returns a provider with three stages: the exact matches of the translation memory, which are human translations; then the
 * stored machine translations; then the provider, whose answers are stored. If the provider has no translation, the draft of the
 * memory is used.
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

/** Ignores a memory without this pair of languages, because the provider can have it. */
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
