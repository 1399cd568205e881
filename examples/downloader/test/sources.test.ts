import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { librarySource } from "../src/sources/library.js";
import { videoSource } from "../src/sources/video.js";

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

test("the library is searched by title, in folders too, in every language", async () => {
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

test("a library that cannot be read is an error, not a film without subtitles", async () => {
  await expect(inLibrary("Ferry")).rejects.toThrow("library");
});

test("links are not followed, neither to folders nor to files", async () => {
  await put("outside/Ferry.en.srt", "library/Other.en.srt");
  await symlink(join(root, "outside"), join(root, "library/more"));
  await symlink(join(root, "outside/Ferry.en.srt"), join(root, "library/Ferry.en.srt"));
  expect((await inLibrary("Ferry")).candidates).toEqual([]);
});

test("folders are searched only so deep, so that even one that holds itself comes to an end", async () => {
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
])("the title %j finds nothing outside the library", async (title) => {
  await put("outside/Ferry.en.srt", "library/Other.en.srt");
  expect((await inLibrary(title)).candidates).toEqual([]);
});

test("beside a video in a media folder its subtitles are found", async () => {
  await put("media/films/Ferry.1080p.en.srt", "media/films/Another.en.srt", "media/Ferry.1080p.en.srt");
  await writeFile(join(root, "media/films/Ferry.1080p.en.srt"), "beside it");
  const { candidates } = await besideVideo(pathToFileURL(join(root, "media/films/Ferry.1080p.mkv")).href);
  expect(await Promise.all(candidates.map(async ({ read }) => String(await read(signal))))).toEqual(["beside it"]);
});

test("nothing beside a video is read outside the media folders", async () => {
  await put("outside/Ferry.en.srt", "media-old/Ferry.en.srt", "media/Other.en.srt");
  await symlink(join(root, "outside"), join(root, "media/link"));
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
