import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { librarySource, videoSource } from "../src/app.js";

const subtitle = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n";
const signal = new AbortController().signal;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sources-"));
});
afterEach(() => rm(root, { recursive: true }));

async function put(...paths: readonly string[]) {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), subtitle);
  }
}

const wanted = (videoTitle: string, videoUrl = "https://films.example/x.mkv") => ({
  videoTitle,
  videoUrl,
  language: "en",
  targetLanguage: null,
  preferredSources: [],
  languages: ["en"],
});
const inLibrary = (videoTitle: string) => librarySource(join(root, "library")).search(wanted(videoTitle), signal);
const besideVideo = (videoUrl: string, title = "Ferry") =>
  videoSource([join(root, "media")]).search(wanted(title, videoUrl), signal);

test("the library is searched by title, also in its folders, in every language", async () => {
  await put(
    "library/Ferry (2021).en.srt",
    "library/films/ferry.es.srt",
    "library/Ferry Two.en.srt",
    "library/notes.txt",
  );
  const { candidates, looked } = await inLibrary("Ferry");
  expect(candidates.map(({ name }) => name).sort()).toEqual(["Ferry (2021).en.srt", "ferry.es.srt"]);
  expect(looked).toBe(3);
});

test.each([
  ["The Last Ferry.en.srt", "en"],
  ["The Last Ferry (2021).eng.SRT", "en"],
  ["the_last.ferry.pt_br.srt", "pt-BR"],
  ["The Last Ferry.pob.srt", "pt-BR"],
  ["The.Last.Ferry.zht.srt", "zh-TW"],
  ["The.Last.Ferry.zh_hant.srt", "zh-Hant"],
  ["The Last Ferry.en.vtt", "en"],
  ["The Last Ferry.en.srt.gz", "en"],
  ["The Last Ferry.en.zip", "en"],
  ["The Last Ferry.hi.srt", "hi"],
  ["The.Last.Ferry.2021.1080p.BluRay.DTS.hi.srt", "hi"],
  ["The Last Ferry.English.srt", "en"],
  ["The.Last.Ferry.2021.1080p.WEB-GRP.English.srt", "en"],
  ["The Last Ferry (2021).french.srt", "fr"],
  ["The Last Ferry.Español.srt", "es"],
  ["The Last Ferry.Brazilian Portuguese.srt", "pt-BR"],
  ["The Last Ferry (English).srt", "en"],
  ["The.Last.Ferry_German.srt", "de"],
  ["The Last Ferry.Chinese (Simplified).srt", "zh-Hans"],
])("%s is in %s", async (fileName, language) => {
  await put(`library/${fileName}`);
  const { candidates } = await inLibrary("The Last Ferry (2021)");
  expect(candidates.map((one) => [one.language, one.languageAssumed, one.traits.hearingImpaired])).toEqual([
    [language, false, false],
  ]);
});

test.each([
  "The Last Ferry.en.sdh.srt",
  "The Last Ferry.en.hi.srt",
  "The Last Ferry.English [SDH].srt",
  "The.Last.Ferry.2021.1080p.WEB-GRP.sdh.en.srt",
])("%s is in English for the hard of hearing", async (fileName) => {
  await put(`library/${fileName}`);
  const { candidates } = await inLibrary("The Last Ferry (2021)");
  expect(candidates.map((one) => [one.language, one.traits.hearingImpaired])).toEqual([["en", true]]);
});

test.each([
  "The Last Ferry.en.forced.srt",
  "The.Last.Ferry.2021.forced.en.srt",
  "The.Last.Ferry.2021.1080p.Forced.en.srt",
  "The Last Ferry (2021)-trailer.en.srt",
  "The.Last.Ferry.2021.Sample.en.srt",
  "The.Last.Ferry.2021.CD1.en.srt",
  "The.Last.Ferry.2021.1080p.WEB-GRP.sample.en.srt",
  "The Last Ferry.en.ass",
  "The Last Ferry.en.gz",
  "The Last Ferry",
  ".en.srt",
  "en.srt",
  "srt",
])("%j is not a subtitle for the whole film", async (fileName) => {
  await put(`library/${fileName}`);
  expect((await inLibrary("The Last Ferry (2021)")).candidates).toEqual([]);
});

test.each([
  ["Amélie", "amelie"],
  ["The Last Ferry", "the.last.ferry"],
  ["Blade Runner (1982)", "Blade Runner"],
  ["Blade Runner [1982]", "Blade.Runner.(1982)"],
  ["Ｆｅｒｒｙ", "ferry"],
  ["字幕", "字幕"],
  ["Anna's Ferry", "Annas Ferry"],
  ["L’Avventura", "L.Avventura"],
  ["Tom & Jerry", "Tom and Jerry"],
  ["Die große Straße", "Die grosse Strasse"],
  ["Død snø", "Dod sno"],
  ["The Last Ferry 2021", "The Last Ferry (2021)"],
  ["The Last Ferry (2021)", "The Last Ferry 2021"],
  ["The Last Ferry 2021", "The.Last.Ferry.2021.1080p.WEB-GRP"],
  ["The Last Ferry", "The.Last.Ferry.2021.1080p.WEB-GRP"],
  ["The Last Ferry (2021)", "The Last Ferry (2021) {tmdb-1}"],
  ["The Last Ferry", "The Last Ferry [imdbid-tt0000001]"],
  ["Blade Runner 2049", "Blade.Runner.2049.2017.1080p"],
  ["Johnny English (2003)", "Johnny English (2003)"],
])("%s and %s are the same film", async (one, other) => {
  await put(`library/${other}.en.srt`);
  expect((await inLibrary(one)).candidates).toHaveLength(1);
});

test.each([
  ["Blade Runner", "Blade Runner 2049"],
  ["Blade Runner", "Blade.Runner.2049.1080p.WEB-DL"],
  ["Wonder Woman", "Wonder Woman 1984"],
  ["Wonder Woman (1984)", "Wonder.Woman.1984.2020.1080p"],
  ["The Thing (1982)", "The Thing (2011)"],
  ["The Thing 1982", "The.Thing.2011.1080p"],
  ["The Last Ferry", "The Last Ferry Returns"],
  ["हिंदी", "हद"],
])("%s and %s are different films", async (one, other) => {
  await put(`library/${other}.en.srt`);
  expect((await inLibrary(one)).candidates).toEqual([]);
});

test("the year in the video's name counts if the title has none", async () => {
  await put("library/Ferry (1998).en.srt", "library/Ferry (2021).en.srt");
  const url = "https://films.example/Ferry.2021.1080p.WEB-GRP.mkv";
  const { candidates } = await librarySource(join(root, "library")).search(wanted("Ferry", url), signal);
  expect(candidates.map(({ name }) => name)).toEqual(["Ferry (2021).en.srt"]);
});

const episodes = ["S01E01", "S01E02", "S01E03", "S02E02"].map((number) => `library/Harbour.Lights.${number}.en.srt`);

test.each([
  "Harbour.Lights.1x02.1080p.mkv",
  "Harbour.Lights.S01xE02.mkv",
  "Harbour Lights - 1x02 - Low Tide.mkv",
  "Harbour.Lights.E02.1080p.mkv",
  "[Grp] Harbour Lights - 02 [1080p].mkv",
  "Season 1/Harbour Lights - 02.mkv",
])("a title without a number gets its episode from the file name: %s", async (file) => {
  await put(...episodes);
  const url = `https://films.example/${encodeURI(file)}`;
  const { candidates } = await librarySource(join(root, "library")).search(wanted("Harbour Lights", url), signal);
  expect(candidates.map(({ name }) => name)).toEqual(["Harbour.Lights.S01E02.en.srt"]);
});

test.each([
  ["S01E02E03", "library/Harbour.Lights.S01E02-E03.en.srt"],
  ["S01E02-03", "library/Harbour.Lights.S01E02E03.en.srt"],
  ["E02E03", "library/Harbour.Lights.1x02-1x03.en.srt"],
])("a double episode does not match either of its parts: %s", async (number, double) => {
  await put(...episodes, double);
  const url = `https://films.example/Harbour.Lights.${number}.mkv`;
  const { candidates } = await librarySource(join(root, "library")).search(wanted("Harbour Lights", url), signal);
  expect(candidates.map(({ name }) => `library/${name}`)).toEqual([double]);
});

test.each([
  "Harbour.Lights.mkv",
  "Harbour.Lights.102.mkv",
  "Season 3/Harbour Lights - 02.mkv",
  "[Grp] Harbour Lights - 02.5 [1080p].mkv",
  "Harbour.Lights.2021.03.04.mkv",
])("without a known episode, no subtitle of an episode is used: %s", async (file) => {
  await put(...episodes, "library/Harbour.Lights.2021.03.05.en.srt");
  const url = `https://films.example/${encodeURI(file)}`;
  const { candidates } = await librarySource(join(root, "library")).search(wanted("Harbour Lights", url), signal);
  expect(candidates).toEqual([]);
});

test("a library that cannot be read is an error, not a film without subtitles", async () => {
  await expect(inLibrary("Ferry")).rejects.toThrow("library");
});

test("links are not followed, neither to folders nor to files", async () => {
  await put("outside/Ferry.en.srt", "library/Other.en.srt");
  await symlink(join(root, "outside"), join(root, "library/more"));
  await symlink(join(root, "outside/Ferry.en.srt"), join(root, "library/Ferry.en.srt"));
  expect((await inLibrary("Ferry")).candidates).toEqual([]);
});

test("the depth of the search is limited, so it also ends in a folder that contains itself", async () => {
  await put("library/Ferry.en.srt", `library/${"deep/".repeat(30)}Ferry.en.srt`);
  expect((await inLibrary("Ferry")).candidates).toHaveLength(1);
});

test.each([
  "../outside/Ferry",
  "..\\outside\\Ferry",
  "/etc/passwd",
  "library/../../outside/Ferry",
  "Ferry\u0000",
  "*",
  ".*",
])("the title %j finds no file outside of the library", async (title) => {
  await put("outside/Ferry.en.srt", "library/Other.en.srt");
  expect((await inLibrary(title)).candidates).toEqual([]);
});

test("the subtitles next to a video in a media folder are found", async () => {
  await put("media/films/Ferry.1080p.en.srt", "media/films/Another.en.srt", "media/Ferry.1080p.en.srt");
  await writeFile(join(root, "media/films/Ferry.1080p.en.srt"), "next to it");
  const { candidates } = await besideVideo(pathToFileURL(join(root, "media/films/Ferry.1080p.mkv")).href);
  expect(await Promise.all(candidates.map(async ({ read }) => String(await read(signal))))).toEqual(["next to it"]);
});

test("an absolute path finds the same subtitles as its file: address", async () => {
  await put("media/films/Ferry #1?.en.srt");
  const path = join(root, "media/films/Ferry #1?.mkv");
  for (const url of [path, pathToFileURL(path).href]) {
    const { candidates } = await besideVideo(url, "Another title");
    expect(candidates.map(({ name }) => name)).toEqual(["Ferry #1?.en.srt"]);
  }
});

test("a file with the name of the video belongs to it, unless that name is of another episode", async () => {
  await put("media/S01E02.en.srt", "media/hl102.en.srt");
  const names = async (title: string, file: string) =>
    (await besideVideo(join(root, "media", file), title)).candidates.map(({ name }) => name);
  expect(await names("Harbour Lights", "S01E02.mkv")).toEqual(["S01E02.en.srt"]);
  expect(await names("Harbour Lights S01E02", "hl102.mkv")).toEqual(["hl102.en.srt"]);
  expect(await names("Harbour Lights S01E03", "S01E02.mkv")).toEqual([]);
});

test("in a Subs folder next to the only video, a file needs only a language in its name", async () => {
  await put(
    "media/film/Ferry.2021.1080p.mkv",
    "media/film/sample.mkv",
    "media/film/Subs/2_English.srt",
    "media/film/Subs/French.srt",
    "media/film/Subs/es.srt",
    "media/film/Subs/Ferry.2021.1080p.de.srt",
    "media/film/Subs/Another Film.it.srt",
    "media/film/Subs/English.forced.srt",
  );
  const { candidates } = await besideVideo(join(root, "media/film/Ferry.2021.1080p.mkv"));
  expect(candidates.map(({ language }) => language).sort()).toEqual(["de", "en", "es", "fr"]);
});

test("in a folder with several videos, only the Subs folder with the video's name belongs to it", async () => {
  await put(
    "media/show/Harbour.Lights.S01E01.mkv",
    "media/show/Harbour.Lights.S01E02.mkv",
    "media/show/Subs/Harbour.Lights.S01E01/2_English.srt",
    "media/show/Subs/Harbour.Lights.S01E02/2_English.srt",
    "media/show/Subs/3_French.srt",
    "media/show/Subs/Harbour.Lights.S01E01.es.srt",
  );
  await writeFile(join(root, "media/show/Subs/Harbour.Lights.S01E02/2_English.srt"), "its own");
  const { candidates } = await besideVideo(join(root, "media/show/Harbour.Lights.S01E02.mkv"), "Harbour Lights");
  expect(candidates).toHaveLength(1);
  expect(String(await candidates[0]?.read(signal))).toBe("its own");
});

test("no file next to a video is read outside of the media folders", async () => {
  await put("outside/Ferry.en.srt", "media-old/Ferry.en.srt", "media/Other.en.srt");
  await symlink(join(root, "outside"), join(root, "media/link"));
  await symlink(join(root, "outside"), join(root, "media/Subs"));
  const inside = pathToFileURL(join(root, "media/")).href;
  for (const url of [
    pathToFileURL(join(root, "outside/Ferry.mkv")).href,
    pathToFileURL(join(root, "media-old/Ferry.mkv")).href,
    `${inside}../outside/Ferry.mkv`,
    `${inside}%2e%2e/outside/Ferry.mkv`,
    `${inside}..%2foutside%2fFerry.mkv`,
    `${inside}link/Ferry.mkv`,
    `${inside}%00/Ferry.mkv`,
    `${inside}absent/Ferry.mkv`,
    "file://elsewhere.example/media/Ferry.mkv",
    `https://films.example${join(root, "outside/Ferry.mkv")}`,
    join(root, "outside/Ferry.mkv"),
    join(root, "media-old/Ferry.mkv"),
    join(root, "media/link/Ferry.mkv"),
    `${join(root, "media")}/../outside/Ferry.mkv`,
    `/${join(root, "outside/Ferry.mkv")}`,
    join(root, "media/Ferry.mkv"),
    "/",
    "file:",
    "not an address",
  ]) {
    expect([url, (await besideVideo(url)).candidates]).toEqual([url, []]);
  }
});

test("a file that became a link, or too large, is not read", async () => {
  await put("outside.srt", "library/Ferry.en.srt", "library/Ferry.es.srt", "library/Ferry.fr.srt");
  const { candidates } = await inLibrary("Ferry");
  const read = async (language: string) => candidates.find((one) => one.language === language)?.read(signal);
  await rm(join(root, "library/Ferry.en.srt"));
  await symlink(join(root, "outside.srt"), join(root, "library/Ferry.en.srt"));
  await writeFile(join(root, "library/Ferry.es.srt"), Buffer.alloc(6 * 1024 * 1024, subtitle));
  expect([await read("en"), await read("es"), String(await read("fr"))]).toEqual([null, null, subtitle]);
});

test("a title of the maximum length is read in a short time", async () => {
  await put("library/Ferry.en.srt");
  const begin = process.cpuUsage();
  for (const piece of ["(2019)", "( ", ". ", "é", "S01E01", " - 1", "[", "{a", "1x01-", "2021-01-01 "]) {
    expect((await inLibrary(piece.repeat(60_000 / piece.length))).candidates).toEqual([]);
  }
  const { user, system } = process.cpuUsage(begin);
  expect((user + system) / 1000).toBeLessThan(1000);
});
