import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeSubtitle, formatSrt, parseSrt } from "@showcase/contracts/subtitle";
import { describe, expect, test } from "vitest";
import { InsufficientCoverageError, loadTranslationMemory, translateCues } from "../src/text/index.js";
import { withoutTags } from "../src/text/markup.js";

const SAMPLES = join(import.meta.dirname, "../../../samples");
const FILM = "library/The Last Ferry (2021).en.srt";
const EPISODE = "library/Harbour Lights S01E02 (2023).en.srt";
const FILM_IN_SPANISH = "media/The.Last.Ferry.2021.1080p.WEB.es.srt";
const PAIR = { source: "en", target: "es" };

const cuesOf = async (file: string) => parseSrt(decodeSubtitle(await readFile(join(SAMPLES, file))).text);
const translate = async (file: string, minCoverage: number) =>
  translateCues(await cuesOf(file), PAIR, {
    provider: await loadTranslationMemory(join(SAMPLES, "memory.en-es.tmx")),
    minCoverage,
  });

describe("the sample subtitles", () => {
  test.each([
    [FILM, 70],
    [EPISODE, 60],
    [FILM_IN_SPANISH, 70],
  ])("%s is like a real subtitle", async (file, atLeast) => {
    const cues = await cuesOf(file);
    expect(cues.length).toBeGreaterThanOrEqual(atLeast);
    for (const [at, cue] of cues.entries()) {
      expect(cue.endMs - cue.startMs).toBeGreaterThanOrEqual(1000);
      expect(cue.startMs).toBeGreaterThan(cues[at - 1]?.endMs ?? 0);
      for (const line of withoutTags(cue.text).split("\n")) expect(line.length).toBeLessThanOrEqual(46);
    }
  });

  test("have the format that this project writes", async () => {
    const library = await readdir(join(SAMPLES, "library"));
    for (const file of library) {
      const source = await readFile(join(SAMPLES, "library", file), "utf8");
      expect(formatSrt(parseSrt(source))).toBe(source);
    }
  });
});

describe("the sample translation memory", () => {
  test("covers most of the film, much of it only fuzzily, and not all", async () => {
    const result = await translate(FILM, 0.6);
    expect(result.coverage).toBeGreaterThan(0.8);
    expect(result.coverage).toBeLessThan(0.92);
    expect(result.exact).toBeGreaterThan(30);
    expect(result.fuzzy).toBeGreaterThan(20);
    expect(result.uncovered.length).toBeGreaterThan(8);
    expect(result.covered + result.uncovered.length).toBe(result.total);
  });

  test("uses no line of the film as its own translation", async () => {
    const sources = new Map((await cuesOf(FILM)).map(({ index, text }) => [index, text]));
    const unchanged = (await translate(FILM, 0.6)).cues.filter(({ index, text }) => sources.get(index) === text);
    expect(unchanged.map(({ text }) => text)).toEqual(["♪", "♪"]);
  });

  test("covers too little of the episode", async () => {
    await expect(translate(EPISODE, 0.6)).rejects.toThrow(InsufficientCoverageError);
  });
});
