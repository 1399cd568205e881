import type { Log, ProviderStates } from "@showcase/contracts";
import { z } from "zod";
import type { TranslationProvider } from "../text/provider.js";
import { apertiumProvider } from "./apertium.js";
import { libreTranslateProvider } from "./libretranslate.js";
import { openAiProvider } from "./openai/index.js";

const address = (otherwise: string, what: string) =>
  z
    .url({ protocol: /^https?$/ })
    .default(otherwise)
    .describe(`the address of ${what}`);

export const providersEnv = {
  TRANSLATION_PROVIDER: z
    .enum(["none", "openai", "libretranslate", "apertium"])
    .default("none")
    .describe(
      "the provider for cues that the translation memory does not have: none, openai, libretranslate or apertium",
    ),
  OPENAI_BASE_URL: address("https://api.openai.com/v1", "the API, or of a compatible service"),
  OPENAI_API_KEY: z.string().optional().describe("your key for the API; a local service needs none"),
  OPENAI_MODEL: z.string().default("gpt-4o-mini").describe("the name of the model"),
  OPENAI_TEMPERATURE: z.coerce
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe("a number, 0 to 2; default: the temperature of the model"),
  OPENAI_MAX_RETRIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(3)
    .describe("the number of repetitions of a request after a connection failure, 0 to 10"),
  LIBRETRANSLATE_URL: address("http://localhost:5000", "the LibreTranslate server"),
  LIBRETRANSLATE_API_KEY: z.string().optional().describe("your key for the server, if it needs one"),
};

/** Returns the chosen provider, or null. */
export function providerFromEnv(
  env: z.output<z.ZodObject<typeof providersEnv>>,
  shared: { readonly states: ProviderStates; readonly log: Log },
): TranslationProvider | null {
  switch (env.TRANSLATION_PROVIDER) {
    case "openai":
      return openAiProvider({
        ...shared,
        baseUrl: env.OPENAI_BASE_URL,
        apiKey: env.OPENAI_API_KEY,
        model: env.OPENAI_MODEL,
        temperature: env.OPENAI_TEMPERATURE,
        maxRetries: env.OPENAI_MAX_RETRIES,
      });
    case "libretranslate":
      return libreTranslateProvider({ ...shared, baseUrl: env.LIBRETRANSLATE_URL, apiKey: env.LIBRETRANSLATE_API_KEY });
    case "apertium":
      return apertiumProvider();
    case "none":
      return null;
  }
}
