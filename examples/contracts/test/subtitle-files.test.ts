import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSubtitleFiles, fileUrl } from "../src/subtitle-files.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "subtitle-files-"));
});
afterEach(() => rm(root, { recursive: true }));

test("what was saved is read, and nothing else is in the folder", async () => {
  const files = createSubtitleFiles(join(root, "storage"));
  await files.save("job-1", "en", "first");
  await files.save("job-1", "en", "second");
  await files.save("job-1", "pt-BR", "\uFEFFterceiro");
  expect(await files.read("job-1", "en")).toBe("second");
  expect(await readFile(join(root, "storage/job-1.pt-BR.srt"), "utf8")).toBe("terceiro");
  expect(await readdir(join(root, "storage"))).toEqual(["job-1.en.srt", "job-1.pt-BR.srt"]);
});

test("a file has its format's name, and takes the place of one in the other format", async () => {
  const files = createSubtitleFiles(root);
  await files.save("job-1", "en", "1\n");
  await files.save("job-1", "en", "WEBVTT\n");
  expect(await readdir(root)).toEqual(["job-1.en.vtt"]);
  expect(await files.read("job-1", "en")).toBe("WEBVTT\n");
  await files.save("job-1", "en", "1\n");
  expect(await readdir(root)).toEqual(["job-1.en.srt"]);
});

test("a file that is not there is null", async () => {
  expect(await createSubtitleFiles(root).read("job-1", "en")).toBeNull();
});

test("saves at the same moment leave one whole file", async () => {
  const files = createSubtitleFiles(root);
  const contents = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
  await Promise.all(contents.map((content) => files.save("job-1", "en", content)));
  expect(contents).toContain(await files.read("job-1", "en"));
  expect(await readdir(root)).toEqual(["job-1.en.srt"]);
});

test("a failed save leaves nothing behind", async () => {
  await mkdir(join(root, "job-1.en.srt")); // nothing can be renamed to a folder
  await expect(createSubtitleFiles(root).save("job-1", "en", "text")).rejects.toThrow();
  expect(await readdir(root)).toEqual(["job-1.en.srt"]);
});

test.each([
  ["../outside", "en"],
  ["a/b", "en"],
  ["", "en"],
  ["job-1", "../../en"],
  ["job-1", "en.x"],
  ["job-1", ""],
  ["job\u0000", "en"],
])("no path is made of %j and %j", async (jobId, language) => {
  const files = createSubtitleFiles(join(root, "storage"));
  await expect(files.save(jobId, language, "x")).rejects.toThrow(TypeError);
  await expect(files.read(jobId, language)).rejects.toThrow(TypeError);
  expect(await readdir(root)).toEqual([]);
});

test("a job's address follows the base, with or without a slash at its end", () => {
  expect(fileUrl("https://films.example/api/", "j1")).toBe("https://films.example/api/api/v1/jobs/j1/file");
  expect(fileUrl("https://films.example/api", "j1")).toBe("https://films.example/api/api/v1/jobs/j1/file");
});
