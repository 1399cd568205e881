import { expect, test } from "vitest";
import { languageOfFileName } from "../src/sources/file-language.js";
import { readSubtitleName, readTitle, sameTitle, videoStem, wantedTitles } from "../src/sources/subtitle-name.js";

test.each([
  ["The Last Ferry.en.srt", { title: { words: "the last ferry", year: null }, language: "en", hearingImpaired: false }],
  ["The Last Ferry (2021).eng.SRT", { title: { words: "the last ferry", year: "2021" }, language: "en" }],
  ["the_last.ferry.pt_br.srt", { title: { words: "the last ferry" }, language: "pt-BR" }],
  ["Ferry.pob.srt", { language: "pt-BR" }],
  ["Ferry.en.sdh.srt", { language: "en", hearingImpaired: true }],
  ["Ferry.en.hi.srt", { language: "en", hearingImpaired: true }],
  ["Ferry.en.vtt", { language: "en" }],
  ["Ferry.en.srt.gz", { language: "en" }],
  ["Ferry.en.zip", { language: "en" }],
  ["Ferry.hi.srt", { language: "hi", hearingImpaired: false }],
])("%s is read", (fileName, name) => {
  expect(readSubtitleName(fileName)).toMatchObject(name);
});

test.each([
  "Ferry.srt",
  "Ferry.en.forced.srt",
  "Ferry.en.ass",
  "Ferry.en.gz",
  ".en.srt",
  "en.srt",
  "srt",
  "",
  "Ferry.x.srt",
  "../.en.srt",
])("%j is no subtitle for a whole film in a known language", (fileName) => {
  expect(readSubtitleName(fileName)).toBeNull();
});

test.each([
  ["Amélie", "amelie"],
  ["The Last Ferry", "the.last.ferry"],
  ["Blade Runner (1982)", "Blade Runner"],
  ["Blade Runner [1982]", "Blade.Runner.(1982)"],
  ["Ｆｅｒｒｙ", "ferry"],
  ["字幕", "字幕"],
])("%s and %s are the same film", (one, other) => {
  expect(sameTitle(readTitle(one), readTitle(other))).toBe(true);
});

test.each([
  ["Blade Runner", "Blade Runner 2049"],
  ["The Thing (1982)", "The Thing (2011)"],
  ["The Last Ferry", "The Last Ferry Returns"],
])("%s and %s are different films", (one, other) => {
  expect(sameTitle(readTitle(one), readTitle(other))).toBe(false);
});

test("a subtitle may go by the film's title or by the video file's name", () => {
  const titles = wantedTitles("The Last Ferry", "https://films.example/a/The.Last.Ferry.1080p.mkv?token=x");
  expect(titles.map(({ words }) => words)).toEqual(["the last ferry", "the last ferry 1080p"]);
});

test.each([
  ["https://films.example/", ""],
  ["https://films.example/%E0%A4%A", null],
  ["no address", null],
  ["https://films.example/..%2f..%2fetc%2fpasswd", "passwd"],
])("the video's name in %s is %j", (url, stem) => {
  expect(videoStem(url)).toBe(stem);
});

test("a title of nothing but marks matches nothing", () => {
  expect(wantedTitles("../../..", "no address")).toEqual([]);
});

test("a title as long as a request can be takes no time", () => {
  const before = process.cpuUsage();
  for (const piece of ["(2019)", "(2019) ", "( ", ". ", "é"]) readTitle(piece.repeat(60_000 / piece.length));
  expect(process.cpuUsage(before).user).toBeLessThan(3_000_000);
});

test.each([
  ["eng", "en"],
  ["FRE", "fr"],
  ["zh_hant", "zh-Hant"],
  ["zht", "zh-TW"],
  ["forced", null],
  ["2021", null],
  ["en-", null],
])("%s is the language %s", (text, language) => {
  expect(languageOfFileName(text)).toBe(language);
});
