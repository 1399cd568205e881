import { setTimeout as delay } from "node:timers/promises";
import type { TranslationProvider } from "./text/index.js";

/** The same provider, resting after each batch: a translation memory is too fast for anyone to watch. */
export function paced(provider: TranslationProvider, pauseMs: number): TranslationProvider {
  if (pauseMs === 0) return provider;
  return {
    ...provider,
    async translate(cues, pair, signal, before) {
      const answers = await provider.translate(cues, pair, signal, before);
      await delay(pauseMs, undefined, { signal });
      return answers;
    },
  };
}
