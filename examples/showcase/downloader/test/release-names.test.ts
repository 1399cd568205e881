import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { librarySource } from "../src/app.js";
import names from "./fixtures/release-names.json" with { type: "json" };

interface Named {
  readonly name: string;
  readonly title: string;
  readonly year?: number;
  readonly season?: number;
  readonly episodes?: readonly number[];
  /** Date of the episode, for a program whose episodes have dates. */
  readonly date?: string;
}
const all: readonly Named[] = names;

let library: string;
beforeAll(async () => {
  library = await mkdtemp(join(tmpdir(), "release-names-"));
  for (const { name } of all) {
    await writeFile(join(library, `${name}.en.srt`), "1\n00:00:01,000 --> 00:00:02,000\nHello.\n");
  }
});
afterAll(() => rm(library, { recursive: true }));

/** All files in one folder. Each title must find its own file and no other. */
test.each(all.map((one) => [requestFor(one), one] as const))("%s finds only its release", async (title, one) => {
  const { candidates } = await librarySource(library).search(
    {
      videoTitle: title,
      videoUrl: "https://films.example/stream",
      language: "en",
      targetLanguage: null,
      preferredSources: [],
      languages: ["en"],
    },
    new AbortController().signal,
  );
  const same = all.filter((other) => requestFor(other) === title).map(({ name }) => `${name}.en.srt`);
  expect(candidates.map(({ name, language }) => [name, language]).sort()).toEqual(
    same.map((name) => [name, "en"]).sort(),
  );
  expect(same).toContain(`${one.name}.en.srt`);
});

/** Returns a title as people write it: `The Thing (1982)`, `Lost S04E13E14`, `The Daily Show 2021-03-04`. */
function requestFor({ title, year, season, episodes, date }: Named): string {
  const two = (number: number) => String(number).padStart(2, "0");
  if (date !== undefined) return `${title} ${date}`;
  if (episodes === undefined) return `${title} (${year})`;
  const series = year === undefined ? title : `${title} (${year})`;
  return `${series} S${two(season ?? 1)}${episodes.map((number) => `E${two(number)}`).join("")}`;
}
