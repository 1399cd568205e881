import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRelay } from "@subtitles/queue";
import { createWorker } from "@subtitles/queue/worker";
import { expect, onTestFinished, test } from "vitest";
import { download, queues, translate } from "../../contracts/job.js";
import { formatSrt, parseSrt } from "../../contracts/subtitle/srt.js";
import { openResources, temporaryFolder } from "../../contracts/test/resources.js";
import { startTranslator } from "../app.js";
import { openTranslationMemory } from "../memory.js";
import type { TranslationProvider } from "../provider.js";
import { translateWith } from "../work.js";

/** Translates a file with these texts, in a job that a downloader has sent to the translator. */
async function translateCues(texts: readonly string[], provider: TranslationProvider, minCoverage = 0) {
  const { store, broker, files } = await openResources();
  const relay = createRelay({ outbox: store.outbox, broker, queues });
  const cues = texts.map((text, at) => ({ index: at + 1, startMs: at * 1000, endMs: at * 1000 + 900, text }));
  const downloader = createWorker({
    ...download,
    store,
    broker,
    async run({ id }) {
      await files.save(`${id}.en.srt`, formatSrt(cues));
      return { to: translate.working, result: { file: `${id}.en.srt`, source: "Roma.en.srt" } };
    },
  });
  const translator = createWorker({
    ...translate,
    store,
    broker,
    run: translateWith({ provider, minCoverage, files }),
  });
  onTestFinished(async () => {
    await Promise.all([downloader.close(), translator.close()]);
    await relay.close();
  });
  const data = { videoUrl: "https://films.example/roma.mkv", videoTitle: "Roma", language: "en", targetLanguage: "es" };
  const { job } = await store.create(data);
  const ended = await store.waitFor(job.id, { timeoutMs: 20_000 });
  const file = await files.read(`${job.id}.es.srt`);
  return { ...ended, cues: file === null ? null : parseSrt(file).map(({ index, text }) => [index, text]) };
}

/** Returns a provider with these translations. */
function providerWith(answers: Readonly<Record<string, string>>): TranslationProvider {
  return {
    name: "test",
    translate: async (lines) =>
      new Map(lines.flatMap(({ index, text }) => (text in answers ? [[index, answers[text] ?? ""] as const] : []))),
  };
}

test("a completed job has a file with the translations at the times of their cues", async () => {
  const { status, result, cues } = await translateCues(
    ["<i>Hello.</i>", "♪", "", "1984", "{\\an8}Goodbye."],
    providerWith({ "Hello.": "Hola.", "Goodbye.": "Adiós." }),
  );
  expect(status).toBe("completed");
  expect(result).toMatchObject({ translation: { provider: "test", covered: 2, total: 2 } });
  expect(cues).toEqual([
    [1, "Hola."],
    [2, "♪"],
    [3, ""],
    [4, "1984"],
    [5, "Adiós."],
  ]);
});

test("source text is never reported as a translation: its cue is left out and not counted", async () => {
  const answers = { "Hello.": "Hola.", "How are you?": "how are you", "Stop!": " ", "I am here.": "I am here." };
  const { result, cues } = await translateCues([...Object.keys(answers), "This is not known."], providerWith(answers));
  expect(cues).toEqual([[1, "Hola."]]);
  expect(result?.translation).toMatchObject({ covered: 1, total: 5 });
});

test("a job with too few translations fails with the counts, and no file is stored", async () => {
  const { status, error, cues } = await translateCues(["Hello.", "No."], providerWith({ "Hello.": "Hola." }), 0.8);
  expect([status, error?.code, error?.message]).toEqual([
    "failed",
    "TRANSLATION_INCOMPLETE",
    "Only 1 of 2 cues have a translation (test).",
  ]);
  expect(cues).toBeNull();
});

/** Opens a translation memory with these units, from English to Spanish. */
async function memoryWith(units: Readonly<Record<string, string>>, language = "es-ES") {
  const body = Object.entries(units).map(
    ([from, to]) =>
      `<tu><tuv xml:lang="en"><seg>${from}</seg></tuv><tuv xml:lang="${language}"><seg>${to}</seg></tuv></tu>`,
  );
  return openTranslationMemory(await fileWith(`<tmx version="1.4"><header/><body>${body.join("")}</body></tmx>`));
}

async function fileWith(content: string): Promise<string> {
  const path = join(await temporaryFolder(), "memory.tmx");
  await writeFile(path, content);
  return path;
}

const find = async (memory: TranslationProvider, text: string, target = "es") =>
  (await memory.translate([{ index: 7, text }], { source: "en", target }, AbortSignal.timeout(20_000))).get(7);

test("the translation memory answers with exact matches only", async () => {
  const memory = await memoryWith({
    "Come in.": "Pase.",
    "Salt &amp; pepper": "Sal y pimienta",
    "Sit down.": "Siéntese.",
  });
  expect(await find(memory, "come  in.")).toBe("Pase.");
  expect(await find(memory, "Salt &\npepper")).toBe("Sal y pimienta");
  expect(await find(memory, "Come in. Sit\ndown.")).toBe("Pase. Siéntese.");
  expect(await find(memory, "Come in!")).toBeUndefined();
  expect(await find(memory, "Come in. Wait.")).toBeUndefined();
  expect(await find(memory, "Come in.", "fr")).toBeUndefined();
});

test("a phrase that is the same in both languages is not used as a translation", async () => {
  expect(await find(await memoryWith({ "OK.": "OK." }), "OK.")).toBeUndefined();
});

test("a unit with formatting codes is not used, because the codes would be shown as text", async () => {
  const memory = await memoryWith({ "<hi>Come</hi> in.": "Pase.", "Sit down.": "<ph>\\b1</ph>Siéntese." });
  expect(await find(memory, "Come in.")).toBe("Pase.");
  expect(await find(memory, "Sit down.")).toBeUndefined();
});

test.each([
  ["", "not well-formed XML"],
  ["<tmx>\n<body><tu>", "line 2: it is not well-formed XML: unclosed xml tag"],
  ["<tmx><body>&a;</body></tmx>", "it is not well-formed XML: entity not found"],
  ["<html/>", "the root element is <html>"],
  ["<tmx><body/></tmx>", "no translation unit"],
  ["<tmx><body><tu><tuv><seg>Hi</seg></tuv></tu></body></tmx>", "no xml:lang"],
])("a damaged translation memory is rejected with the reason: %j", async (content, message) => {
  const path = await fileWith(content);
  await expect(openTranslationMemory(path)).rejects.toThrow(message);
  const settings = { TRANSLATION_MEMORY_PATH: path, MIN_COVERAGE: 1, TRANSLATOR_CONCURRENCY: 1 };
  await expect(startTranslator(await openResources(), settings)).rejects.toThrow(
    `TRANSLATION_MEMORY_PATH: ${path} cannot be used: `,
  );
});
