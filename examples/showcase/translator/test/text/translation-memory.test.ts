import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LanguagePairError, TranslationMemoryError } from "../../src/text/errors.js";
import { loadTranslationMemory } from "../../src/text/translation-memory.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "translation-memory-"));
});
afterAll(() => rm(folder, { recursive: true }));

const NEVER = new AbortController().signal;

const tmx = (...units: readonly Readonly<Record<string, string>>[]) => {
  const variant = ([language, text]: [string, string]) => `<tuv xml:lang="${language}"><seg>${text}</seg></tuv>`;
  const body = units.map((unit) => `<tu>${Object.entries(unit).map(variant).join("")}</tu>`).join("");
  return `<?xml version="1.0"?><tmx version="1.4"><header/><body>${body}</body></tmx>`;
};

async function memory(content: string | Buffer) {
  const path = join(folder, "memory.tmx");
  await writeFile(path, content);
  return loadTranslationMemory(path);
}

async function translationOf(text: string, content: string | Buffer, pair = { source: "en", target: "es" }) {
  const provider = await memory(content);
  const [reply] = await provider.translate([{ index: 4, startMs: 0, endMs: 1, settings: "", text }], pair, NEVER);
  expect(reply?.index).toBe(4);
  return reply?.translation ?? null;
}

const PHRASES = tmx(
  { en: "Good morning.", es: "Buenos días." },
  { en: "How are you?", es: "¿Cómo está?" },
  { en: "We have been waiting here for 3 hours.", es: "Llevamos 3 horas esperando aquí." },
);

describe("a translation memory", () => {
  test("has its file's name", async () => {
    expect((await memory(PHRASES)).name).toBe("Translation memory memory.tmx");
  });

  test("finds a cue across its lines and without its tags", async () => {
    expect(await translationOf("Good\n<b>morning</b>", PHRASES)).toEqual({
      text: "Buenos días.",
      match: "exact",
      score: 1,
    });
  });

  test("finds the text of each speaker alone, and keeps the dashes", async () => {
    const found = await translationOf("- Good morning.\n- How\nare you?", PHRASES);
    expect(found).toEqual({ text: "- Buenos días.\n- ¿Cómo está?", match: "exact", score: 1 });
  });

  test("finds single sentences if the whole text is not known", async () => {
    const found = await translationOf("Good morning! How are you?", PHRASES);
    expect(found).toEqual({ text: "Buenos días. ¿Cómo está?", match: "exact", score: 1 });
  });

  test("has the score of its weakest part", async () => {
    const found = await translationOf("Good morning. We have been waiting here for 2 hours.", PHRASES);
    expect(found).toEqual({ text: "Buenos días. Llevamos 2 horas esperando aquí.", match: "fuzzy", score: 0.99 });
  });

  test.each([
    ["♪ Good morning ♪", "♪ Buenos días. ♪"],
    ["“Good morning.”", "“Buenos días.”"],
    ["“Good morning. How are you?”", "“Buenos días. ¿Cómo está?”"],
    ["- ♪ Good morning\n- (How are you?)", "- ♪ Buenos días.\n- (¿Cómo está?)"],
    ["# We have been waiting here for 2 hours. #", "# Llevamos 2 horas esperando aquí. #"],
  ])("keeps the marks around %j", async (text, expected) => {
    expect((await translationOf(text, PHRASES))?.text).toBe(expected);
  });

  test("creates no draft from an untranslated phrase, even if the punctuation differs", async () => {
    const content = tmx({ en: "We have been waiting here for 3 hours.", es: "We have been waiting here for 3 hours…" });
    expect(await translationOf("We have been waiting there for 3 hours.", content)).toBeNull();
  });

  test("removes marks that only the memory has, and keeps its target marks if the source marks are equal", async () => {
    const content = tmx({ en: "♪ La la ♪", es: "♪ Tra la ♪" }, { en: "“Never”", es: "«Jamás»" });
    expect((await translationOf("La la", content))?.text).toBe("Tra la");
    expect((await translationOf("“Never”", content))?.text).toBe("«Jamás»");
  });

  test.each(["- Good morning.\n- Qwerty.", "Good morning. Qwerty.", "Qwerty."])(
    "does not cover %j in part",
    async (text) => {
      expect(await translationOf(text, PHRASES)).toBeNull();
    },
  );

  test("matches language tags with and without a region", async () => {
    const regions = tmx({ "en-GB": "Yes.", "es-ES": "Sí." });
    expect(await translationOf("Yes.", regions)).toMatchObject({ text: "Sí." });
    expect(
      await translationOf("Yes.", tmx({ en: "Yes.", es: "Sí." }), { source: "en-US", target: "es-MX" }),
    ).toMatchObject({ text: "Sí." });
  });

  test("prefers exactly the requested language", async () => {
    const regions = tmx({ en: "The car", "es-ES": "El coche", "es-MX": "El carro" });
    expect(await translationOf("The car", regions, { source: "en", target: "es-MX" })).toMatchObject({
      text: "El carro",
    });
  });

  test("works in both directions", async () => {
    expect(await translationOf("Buenos días", PHRASES, { source: "es", target: "en" })).toMatchObject({
      text: "Good morning.",
    });
  });

  test.each([
    ["another language", { source: "en", target: "fr" }],
    ["another region", { source: "en", target: "es-419" }],
    ["no language tag", { source: "??", target: "es" }],
    ["the source language again", { source: "en", target: "en" }],
  ])("rejects a pair with %s, and names the languages that it has", async (_name, pair) => {
    const content = tmx({ en: "Yes.", "es-ES": "Sí." });
    const failure = translationOf("Yes.", content, pair);
    await expect(failure).rejects.toThrow(LanguagePairError);
    await expect(failure).rejects.toThrow("it has en, es-ES");
  });

  test("reads a file in UTF-16", async () => {
    expect(await translationOf("Good morning.", Buffer.from(`\uFEFF${PHRASES}`, "utf16le"))).toMatchObject({
      text: "Buenos días.",
    });
  });

  test("stops on abort", async () => {
    const provider = await memory(PHRASES);
    const cue = { index: 1, startMs: 0, endMs: 1, settings: "", text: "Yes." };
    const aborted = AbortSignal.abort(new Error("stop"));
    await expect(provider.translate([cue], { source: "en", target: "es" }, aborted)).rejects.toThrow("stop");
  });

  test("names the file that is missing", async () => {
    const path = join(folder, "missing.tmx");
    const failure = loadTranslationMemory(path);
    await expect(failure).rejects.toThrow(TranslationMemoryError);
    await expect(failure).rejects.toThrow(`Translation memory ${path}: cannot be read (ENOENT)`);
  });

  test("the error of a damaged file names the file and the line", async () => {
    await expect(memory("<tmx>\n<body></tmx>")).rejects.toThrow(
      expect.objectContaining({
        code: "TRANSLATION_MEMORY",
        message: expect.stringMatching(/memory\.tmx: line 2: it is not well-formed XML: Opening/),
      }),
    );
  });

  test.each([0, -1, 1.1, Number.NaN])("rejects the threshold %d", async (fuzzyThreshold) => {
    await expect(loadTranslationMemory(join(folder, "memory.tmx"), { fuzzyThreshold })).rejects.toThrow(RangeError);
  });

  test.each(["Good morning. ", "- Good morning.\n", "waiting here for ", "a", "?a"])(
    "does not cover a cue of a megabyte of %j, in a short time",
    async (piece) => {
      const before = process.cpuUsage();
      expect(await translationOf(piece.repeat(1_000_000 / piece.length), PHRASES)).toBeNull();
      expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
    },
  );

  test("translates 1,000 cues from 10,000 units within seconds of processor time", async () => {
    const nouns = ["ferry", "train", "letter", "bridge", "harbour", "island", "captain", "window", "garden", "road"];
    const verbs = ["saw", "left", "found", "built", "painted", "sold", "lost", "remembered", "crossed", "closed"];
    const sentence = (n: number) =>
      `The ${nouns[n % 10]} that we ${verbs[Math.floor(n / 10) % 10]} in the ${nouns[Math.floor(n / 100) % 10]} w${n}`;
    const units = Array.from({ length: 10_000 }, (_, n) => ({ en: sentence(n), es: `Frase ${n}` }));
    const provider = await memory(tmx(...units));
    const cues = Array.from({ length: 1000 }, (_, n) => ({
      index: n + 1,
      startMs: 0,
      endMs: 1,
      settings: "",
      text: `${sentence(n * 7)} again`,
    }));
    const started = process.cpuUsage();
    const replies = await provider.translate(cues, { source: "en", target: "es" }, NEVER);
    expect(process.cpuUsage(started).user).toBeLessThan(15_000_000);
    expect(replies).toHaveLength(1000);
  }, 120_000);
});
