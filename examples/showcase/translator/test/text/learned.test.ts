import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { learnedTranslations } from "../../src/text/learned.js";

const PAIR = { source: "en", target: "es" };
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "learned-"));
  path = join(folder, "en_es.jsonl");
});
afterEach(() => rm(folder, { recursive: true }));

test("a translation that one worker stores is found by another one, for the same pair of languages", async () => {
  const [one, other] = [learnedTranslations(folder), learnedTranslations(folder)];
  expect(await other.find(["Hello"], PAIR)).toEqual(new Map());
  await one.add(new Map([["Hello", "Hola"]]), PAIR);
  expect(await other.find(["Hello", "Bye"], PAIR)).toEqual(new Map([["Hello", "Hola"]]));
  expect(await other.find(["Hello"], { source: "en", target: "fr" })).toEqual(new Map());
});

test("the first translation is kept", async () => {
  const [one, other] = [learnedTranslations(folder), learnedTranslations(folder)];
  await one.add(new Map([["Hello", "Hola"]]), PAIR);
  await other.add(new Map([["Hello", "Buenas"]]), PAIR);
  expect(await learnedTranslations(folder).find(["Hello"], PAIR)).toEqual(new Map([["Hello", "Hola"]]));
  expect((await readFile(path, "utf8")).match(/Hello/g)).toHaveLength(1);
  // Two workers that store it at the same time both write it.
  await appendFile(path, '["Hello","Buenas"]\n');
  expect(await learnedTranslations(folder).find(["Hello"], PAIR)).toEqual(new Map([["Hello", "Hola"]]));
});

test("concurrent writers lose no translation", async () => {
  const workers = Array.from({ length: 8 }, () => learnedTranslations(folder));
  const words = (worker: number) => Array.from({ length: 50 }, (_, at) => `${worker}-${at}-${"x".repeat(100)}`);
  await Promise.all(
    workers.flatMap((worker, nth) => words(nth).map((word) => worker.add(new Map([[word, `es:${word}`]]), PAIR))),
  );
  const all = workers.flatMap((_worker, nth) => words(nth));
  expect((await learnedTranslations(folder).find(all, PAIR)).size).toBe(400);
});

test("an incomplete line is skipped, and the next lines are read", async () => {
  await writeFile(path, '["Hello","Hola"]\n["Bye","Adi');
  const learned = learnedTranslations(folder);
  await learned.find(["Hello"], PAIR);
  await learned.add(new Map([["Yes", "Sí"]]), PAIR);
  await appendFile(path, 'null\n{"a":1}\n["only one"]\n');
  const found = await learned.find(["Hello", "Bye", "Yes"], PAIR);
  expect(found).toEqual(
    new Map([
      ["Hello", "Hola"],
      ["Yes", "Sí"],
    ]),
  );
  expect(await learnedTranslations(folder).find(["Hello", "Bye", "Yes"], PAIR)).toEqual(found);
});

test("a file that was shortened is read again", async () => {
  const learned = learnedTranslations(folder);
  await learned.add(
    new Map([
      ["Hello", "Hola"],
      ["Bye", "Adiós"],
    ]),
    PAIR,
  );
  await learned.find(["Hello"], PAIR);
  await writeFile(path, '["Yes","Sí"]\n');
  expect(await learned.find(["Yes"], PAIR)).toEqual(new Map([["Yes", "Sí"]]));
});

test("a language never becomes a path", async () => {
  const learned = learnedTranslations(folder);
  await expect(learned.find(["x"], { source: "../../en", target: "es" })).rejects.toThrow(TypeError);
  expect(await readdir(folder)).toEqual([]);
});
