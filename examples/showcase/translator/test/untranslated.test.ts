import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { libreTranslateProvider } from "../src/providers/libretranslate.js";
import { openAiProvider } from "../src/providers/openai/index.js";
import { behindMemory } from "../src/text/behind-memory.js";
import { learnedTranslations } from "../src/text/learned.js";
import { startOpenAi } from "./providers/openai-stub.js";
import { shared, startStub } from "./providers/stub.js";
import { fixture, srt, temporaryFolder, translateFile } from "./translate-file.js";

/** A LibreTranslate server. It returns a text that `answer` does not know unchanged, as LibreTranslate does. */
async function libreTranslate(answer: (text: string) => string | undefined = () => undefined) {
  const stub = await startStub(z.looseObject({ q: z.array(z.string()) }), ({ body }) => ({
    body: { translatedText: body.q.map((text) => answer(text) ?? text) },
  }));
  return libreTranslateProvider({ ...shared(), baseUrl: stub.baseUrl, maxRetries: 0 });
}

/** A chat model that returns `answer` for each line. */
async function chatModel(answer: (text: string) => string) {
  const stub = await startOpenAi((_all, { lines }) =>
    lines.map(({ id, text }) => ({ id, start: text, text: answer(text) })),
  );
  return openAiProvider({ ...shared(), baseUrl: `${stub.baseUrl}/v1`, model: "test-model", maxRetries: 0 });
}

const SPANISH: Readonly<Record<string, string>> = {
  "Where are you going?": "¿Adónde vas?",
  "Come in.": "Pasa.",
  "I never went there.": "Nunca fui allí.",
  "We leave at dawn.": "Nos vamos al amanecer.",
  "It is late.": "Es tarde.",
};

describe("a provider that returns the source text", () => {
  test.each([
    ["unchanged", (text: string) => text],
    ["in capitals", (text: string) => text.toUpperCase()],
    ["with other punctuation", (text: string) => `“${text.replaceAll(/[.,?]/g, "")}!”`],
    ["with other spaces", (text: string) => ` ${text.replaceAll(" ", "  ")} `],
  ])("%s completes no job, and nothing is stored", async (_name, echo) => {
    for (const provider of [await libreTranslate(echo), await chatModel(echo)]) {
      const folder = await temporaryFolder();
      const learned = learnedTranslations(folder);
      const { error, stored } = await translateFile(await fixture("echo-of-two-lines.en.srt"), {
        provider: behindMemory({ provider, learned }),
        minCoverage: 0,
      });
      expect(error).toMatchObject({ code: "INSUFFICIENT_COVERAGE", covered: 0, total: 5 });
      expect(stored).toBeNull();
      await expect(readFile(join(folder, "en_es.jsonl"))).rejects.toThrow("ENOENT");
    }
  });

  test("completes no job with cues of one or two words", async () => {
    const source = srt("Yes.", "Come in.", "Where?", "OK.", "Good morning!", "- Sure.\n- Right.", "<i>Thanks.</i>");
    const { error, stored } = await translateFile(source, { provider: await libreTranslate(), minCoverage: 0 });
    expect(error).toMatchObject({ code: "INSUFFICIENT_COVERAGE", covered: 0, total: 7 });
    expect(stored).toBeNull();
  });

  test("completes no job in a language without spaces between words", async () => {
    const source = srt("今日はどこへ行きますか。", "家に帰りたいと思います。", "こんにちは、元気ですか。");
    const languages = { language: "ja", targetLanguage: "en" };
    for (const provider of [await libreTranslate(), await chatModel((text) => text)]) {
      const { error } = await translateFile(source, { provider, minCoverage: 0 }, languages);
      expect(error).toMatchObject({ code: "INSUFFICIENT_COVERAGE", covered: 0 });
    }
  });
});

test("a cue with one untranslated speaker or sentence does not count as covered", async () => {
  const source = srt(
    "- Where are you going?\n- He said nothing today.",
    "Where are you going? He said nothing today.",
    "Where are you going?",
  );
  const provider = await chatModel((text) => text.replaceAll("Where are you going?", "¿Adónde vas?"));
  const { outcome, stored } = await translateFile(source, { provider, minCoverage: 0 });
  expect(stored).toBe("3\n00:00:02,000 --> 00:00:02,900\n¿Adónde vas?\n");
  expect(outcome).toMatchObject({ result: { details: { translation: { covered: 1, total: 3 } } } });
});

test("names, numbers and short words that are equal in both languages count as covered", async () => {
  const same = ["Marta!", "OK.", "- No.\n- No.", "1984", "3... 2... 1...", "Dr. Martin Luther King", "<i>Taxi!</i>"];
  const translated = Object.keys(SPANISH);
  const source = [...same, ...translated]
    .map((text, at) => `${at + 1}\n00:00:${10 + at},000 --> 00:00:${10 + at},900\n${text}\n`)
    .join("\n");
  const { outcome, stored } = await translateFile(source, {
    provider: await libreTranslate((text) => SPANISH[text]),
  });
  expect(outcome).toMatchObject({ to: "completed", result: { details: { translation: { covered: 12, total: 12 } } } });
  for (const text of same) expect(stored).toContain(`\n${text}\n`);
});

test("cues with only numbers are covered with every provider", async () => {
  const { outcome } = await translateFile(srt("1984", "10:30", "3, 2, 1"), { provider: await libreTranslate() });
  expect(outcome).toMatchObject({ result: { details: { translation: { covered: 3, total: 3 } } } });
});

test("a stored translation that is the source text is not used, and is replaced", async () => {
  const folder = await temporaryFolder();
  const line = "Where are you going?";
  await writeFile(join(folder, "en_es.jsonl"), `${JSON.stringify([line, "Where are  you going"])}\n`);
  for (const provider of [await libreTranslate((text) => SPANISH[text]), await libreTranslate()]) {
    const { stored } = await translateFile(srt(line), {
      provider: behindMemory({ provider, learned: learnedTranslations(folder) }),
    });
    expect(stored).toContain("¿Adónde vas?");
  }
});
