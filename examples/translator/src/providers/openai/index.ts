import type { Cue } from "@example/contracts/subtitle";
import type { Translation, TranslationProvider } from "../../text/provider.js";
import { createChat, type OpenAiOptions } from "./chat.js";
import { questionFor, translationsIn } from "./lines.js";

export type { OpenAiOptions } from "./chat.js";

/** For one batch: enough to split it down to a line that is refused, and an end to a model that never answers well. */
const MOST_CALLS = 16;

/** Translates by a chat model behind OpenAI's API or one like it. Lines that it does not answer properly stay uncovered. */
export function openAiProvider(options: OpenAiOptions): TranslationProvider {
  const chat = createChat(options);
  return {
    name: `The model ${options.model}`,
    settings: JSON.stringify(["openai", options.baseUrl, options.model, options.temperature ?? null]),
    async translate(cues, pair, signal, before = []) {
      const translations = new Map<number, Translation>();
      /** What is still to be asked, and whether that is the second time for these very cues. */
      const open: { readonly cues: readonly Cue[]; readonly again: boolean }[] = [{ cues, again: false }];
      for (let calls = 0; calls < MOST_CALLS; calls++) {
        const next = open.shift();
        if (!next) break;
        const answer = await chat.ask(questionFor(next.cues, pair, before), signal);
        if (answer.kind === "text") {
          for (const [index, translation] of translationsIn(answer.text, next.cues, pair))
            translations.set(index, translation);
        }
        const missing = next.cues.filter(({ index }) => !translations.has(index));
        if (missing.length === 0) continue;
        // Answered in part, or not at all for the first time: once more. Too long, refused or again: half as many.
        if (answer.kind === "text" && !next.again) open.push({ cues: missing, again: true });
        else if (missing.length > 1) open.push(...halves(missing));
      }
      return cues.map(({ index }) => ({ index, translation: translations.get(index) ?? null }));
    },
  };
}

function halves(cues: readonly Cue[]) {
  const middle = Math.ceil(cues.length / 2);
  return [cues.slice(0, middle), cues.slice(middle)].map((half) => ({ cues: half, again: false }));
}
