import { setTimeout as delay } from "node:timers/promises";
import type { TranslationProvider } from "./text/index.js";

/** Returns the same provider with a pause after each batch. Without it, a translation memory is too fast to show progress. */
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
