import type { Cue } from "@showcase/contracts/subtitle";
import type { Translation, TranslationProvider } from "../../text/provider.js";
import { createChat, type OpenAiOptions } from "./chat.js";
import { questionFor, translationsIn } from "./lines.js";

export type { OpenAiOptions } from "./chat.js";

/**
 * Maximum number of successive calls without a translation in a batch. It is enough to find the lines among fifty that a
 * filter rejects, and it stops the calls to a model that never gives a usable answer.
 */
const MAX_CALLS_IN_VAIN = 16;

/** Translates with a chat model that has the API of OpenAI. Lines without a usable answer stay uncovered. */
export function openAiProvider(options: OpenAiOptions): TranslationProvider {
  const chat = createChat(options);
  return {
    name: `The model ${options.model}`,
    settings: JSON.stringify(["openai", options.baseUrl, options.model, options.temperature ?? null]),
    async translate(cues, pair, signal, before = []) {
      const translations = new Map<number, Translation>();
      /** Cues that are still to be translated. `isSecond`: exactly these cues were sent before. */
      const open: { readonly cues: readonly Cue[]; readonly again: boolean }[] = [{ cues, again: false }];
      let inVain = 0;
      for (let next = open.shift(); next && inVain < MAX_CALLS_IN_VAIN; next = open.shift()) {
        const answer = await chat.ask(questionFor(next.cues, pair, before), signal);
        const found = answer.kind === "refused" ? [] : [...translationsIn(answer.text, next.cues, pair)];
        for (const [index, translation] of found) translations.set(index, translation);
        const missing = next.cues.filter(({ index }) => !translations.has(index));
        if (found.length > 0) inVain = 0;
        // A line that the filter rejects alone is identified, so that call was useful.
        else if (answer.kind !== "refused" || next.cues.length > 1) inVain += 1;
        if (missing.length === 0) continue;
        // If a part was answered, or nothing for the first time, the rest is sent again. If it was too long, rejected or the
        // second time, it is sent in halves.
        if (answer.kind === "text" && !next.again) open.unshift({ cues: missing, again: true });
        else if (answer.kind === "tooLong" && found.length > 0) open.unshift({ cues: missing, again: false });
        else if (missing.length > 1) open.unshift(...halves(missing));
      }
      return cues.map(({ index }) => ({ index, translation: translations.get(index) ?? null }));
    },
  };
}

function halves(cues: readonly Cue[]) {
  const middle = Math.ceil(cues.length / 2);
  return [cues.slice(0, middle), cues.slice(middle)].map((half) => ({ cues: half, again: false }));
}
