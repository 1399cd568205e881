import type { Log, ProviderStates } from "@showcase/contracts";
import type { z } from "zod";
import type { translatorEnv } from "./env.js";
import { providerFromEnv } from "./providers/env.js";
import { behindMemory } from "./text/behind-memory.js";
import { loadTranslationMemory, type TranslationProvider } from "./text/index.js";
import { learnedTranslations } from "./text/learned.js";

/**
 * Returns the translation memory, the provider, or both in this order.
 * @throws TranslationMemoryError; an Error if neither is configured
 */
export async function translationFromEnv(
  env: z.output<z.ZodObject<typeof translatorEnv>>,
  shared: { readonly states: ProviderStates; readonly log: Log },
): Promise<TranslationProvider> {
  const { TRANSLATION_MEMORY_PATH: memoryPath, TRANSLATION_LEARNED_PATH: learnedPath } = env;
  const memory = memoryPath === undefined ? undefined : await loadTranslationMemory(memoryPath);
  const provider = providerFromEnv(env, shared);
  if (provider) {
    return behindMemory({
      memory,
      provider,
      learned: learnedPath === undefined ? undefined : learnedTranslations(learnedPath),
    });
  }
  if (memory) return memory;
  throw new Error("No translation is configured: set TRANSLATION_MEMORY_PATH or TRANSLATION_PROVIDER.");
}
