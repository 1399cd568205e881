import { createProviderAccess, type Log, type ProviderStates } from "@showcase/contracts";
import { JobFailed } from "@subtitles/queue/worker";
import { z } from "zod";
import { LanguagePairError, ProviderReplyError } from "../text/errors.js";
import type { TranslationProvider } from "../text/provider.js";
import { toHtml } from "./html.js";
import { postJson } from "./http.js";
import { translateTurns } from "./turns.js";

export interface LibreTranslateOptions {
  /** Address, for example `http://localhost:5000`. */
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
  readonly states: ProviderStates;
  readonly log: Log;
  readonly maxRetries?: number | undefined;
}

const reply = z.object({ translatedText: z.array(z.string()) });
const problem = z.object({ error: z.string() });
const REFUSED_MS = 15 * 60_000;

/** Translates with a LibreTranslate server. */
export function libreTranslateProvider({
  baseUrl,
  apiKey,
  states,
  log,
  maxRetries,
}: LibreTranslateOptions): TranslationProvider {
  const name = "LibreTranslate";
  const access = createProviderAccess({ name: "libretranslate", title: name }, states, log);
  const url = `${baseUrl.replace(/\/+$/, "")}/translate`;
  return {
    name,
    settings: JSON.stringify(["libretranslate", baseUrl]),
    translate: (cues, pair, signal) =>
      translateTurns(cues, async (texts) => {
        const html = texts.map(toHtml);
        const body = {
          q: html.map((text) => text.html),
          source: codeOf(pair.source),
          target: codeOf(pair.target),
          format: "html",
          ...(apiKey !== undefined && { api_key: apiKey }),
        };
        const { status, body: answer } = await postJson({ title: name, access, maxRetries }, url, { body }, signal);
        if (status === 200) {
          const { translatedText = [] } = reply.safeParse(answer).data ?? {};
          if (translatedText.length !== texts.length) {
            throw new ProviderReplyError(name, `${translatedText.length} texts for ${texts.length}`);
          }
          return translatedText.map((text, at) => html[at]?.restore(text) ?? null);
        }
        const { error = "" } = problem.safeParse(answer).data ?? {};
        if (status === 403) throw await access.refuse(REFUSED_MS, "it rejects the key, or its quota is used up");
        if (status === 400 && /not supported|invalid.*language|language.*invalid/i.test(error)) {
          throw new LanguagePairError(name, pair, []);
        }
        throw new JobFailed(`${name} answered ${status}.`, { code: "PROVIDER_REFUSED", retryable: true });
      }),
  };
}

/** Returns the code of the service. It has two letters, except for Chinese. */
function codeOf(tag: string): string {
  const { language, script } = new Intl.Locale(tag).maximize();
  return language === "zh" ? `zh-${script}` : language;
}
