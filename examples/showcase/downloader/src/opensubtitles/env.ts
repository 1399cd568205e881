import type { Log, ProviderStates } from "@showcase/contracts";
import { z } from "zod";
import type { SubtitleSource } from "../sources/source.js";
import { openSubtitlesClient } from "./client.js";
import { openSubtitlesSource } from "./source.js";

export const openSubtitlesEnv = {
  OPENSUBTITLES_API_KEY: z.string().optional().describe("the key of your application at opensubtitles.com"),
  OPENSUBTITLES_USERNAME: z
    .string()
    .optional()
    .describe("your user name at opensubtitles.com, not your e-mail address"),
  OPENSUBTITLES_PASSWORD: z.string().optional().describe("your password at opensubtitles.com"),
  OPENSUBTITLES_USER_AGENT: z
    .string()
    .regex(/^\S.* v\d/)
    .default("SubtitleServiceExample v1.0")
    .describe("your application's name and version, such as MyApp v1.0"),
  OPENSUBTITLES_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .default("https://api.opensubtitles.com/api/v1")
    .describe("the address of the API, such as https://api.opensubtitles.com/api/v1"),
  OPENSUBTITLES_MAX_RETRIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe("the number of repetitions of a request after a connection failure, 0 to 10"),
};

/** Returns the source if its key is set. */
export function openSubtitlesFromEnv(
  env: z.output<z.ZodObject<typeof openSubtitlesEnv>> & { readonly MEDIA_PATH: readonly string[] },
  options: { readonly states: ProviderStates; readonly log: Log },
): readonly SubtitleSource[] {
  const { OPENSUBTITLES_API_KEY: apiKey, OPENSUBTITLES_USERNAME: username, OPENSUBTITLES_PASSWORD: password } = env;
  if (apiKey === undefined) return [];
  const client = openSubtitlesClient({
    ...options,
    apiKey,
    account: username !== undefined && password !== undefined ? { username, password } : undefined,
    userAgent: env.OPENSUBTITLES_USER_AGENT,
    baseUrl: env.OPENSUBTITLES_BASE_URL,
    maxRetries: env.OPENSUBTITLES_MAX_RETRIES,
  });
  return [openSubtitlesSource(client, env.MEDIA_PATH)];
}
