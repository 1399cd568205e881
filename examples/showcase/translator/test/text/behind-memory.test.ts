import { expect, test, vi } from "vitest";
import { behindMemory } from "../../src/text/behind-memory.js";
import { LanguagePairError } from "../../src/text/errors.js";
import type { LearnedTranslations } from "../../src/text/learned.js";
import type { Translation, TranslationProvider } from "../../src/text/provider.js";
import { cuesOf, PAIR, signal } from "../providers/stub.js";

const knowing = (
  name: string,
  match: Translation["match"],
  known: Readonly<Record<string, string>>,
): TranslationProvider => ({
  name,
  translate: async (cues) =>
    cues.map(({ index, text }) => {
      const translation = known[text];
      return {
        index,
        translation:
          translation === undefined ? null : { text: translation, match, score: match === "fuzzy" ? 0.8 : 1 },
      };
    }),
});

function learning(known: Readonly<Record<string, string>> = {}) {
  const all = new Map(Object.entries(known));
  const learned: LearnedTranslations = {
    find: async (texts) =>
      new Map(texts.flatMap((text) => (all.has(text) ? [[text, all.get(text) ?? ""] as const] : []))),
    async add(translations) {
      for (const [source, target] of translations) all.set(source, target);
    },
  };
  return { learned, all };
}

async function translate(texts: readonly string[], options: Parameters<typeof behindMemory>[0]) {
  const replies = await behindMemory(options).translate(cuesOf(...texts), PAIR, signal);
  return replies.map(({ translation }) => translation && `${translation.match}: ${translation.text}`);
}

test("the memory is used first, then the stored translations, then the provider, whose answers are stored", async () => {
  const provider = knowing("Model", "machine", { Three: "tres" });
  const asked = vi.spyOn(provider, "translate");
  const { learned, all } = learning({ Two: "dos" });
  const memory = knowing("Memory", "exact", { One: "uno" });
  expect(await translate(["One", "Two", "Three", "Four"], { memory, learned, provider })).toEqual([
    "exact: uno",
    "machine: dos",
    "machine: tres",
    null,
  ]);
  expect(asked.mock.calls[0]?.[0].map(({ text }) => text)).toEqual(["Three", "Four"]);
  expect([...all]).toEqual([
    ["Two", "dos"],
    ["Three", "tres"],
  ]);
});

test("a draft is used only if the provider has no translation", async () => {
  const memory = knowing("Memory", "fuzzy", { One: "borrador", Two: "borrador" });
  const provider = knowing("Model", "machine", { One: "uno" });
  expect(await translate(["One", "Two"], { memory, provider })).toEqual(["machine: uno", "fuzzy: borrador"]);
});

test("nothing is requested or stored if all cues are known, and unusable answers are not stored", async () => {
  const provider = knowing("Model", "machine", { "A line of source": "A line of source" });
  const asked = vi.spyOn(provider, "translate");
  const { learned, all } = learning({ One: "uno" });
  await translate(["One"], { learned, provider });
  expect(asked).not.toHaveBeenCalled();
  expect(await translate(["A line of source"], { learned, provider })).toEqual([null]);
  expect(all.size).toBe(1);
});

test("without these languages in the memory, the provider translates, and other errors are thrown", async () => {
  const failing = (error: Error): TranslationProvider => ({ name: "Memory", translate: () => Promise.reject(error) });
  const provider = knowing("Model", "machine", { One: "uno" });
  expect(await translate(["One"], { memory: failing(new LanguagePairError("Memory", PAIR, [])), provider })).toEqual([
    "machine: uno",
  ]);
  await expect(translate(["One"], { memory: failing(new Error("damaged")), provider })).rejects.toThrow("damaged");
});
