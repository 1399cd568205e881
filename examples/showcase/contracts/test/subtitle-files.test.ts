import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSubtitleFiles, fileUrl } from "../src/subtitle-files.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "subtitle-files-"));
});
afterEach(() => rm(root, { recursive: true }));

test("a saved file is read, and the folder contains no other file", async () => {
  const files = createSubtitleFiles(join(root, "storage"));
  await files.save("job-1", "en", "first");
  await files.save("job-1", "en", "second");
  await files.save("job-1", "pt-BR", "\uFEFFterceiro");
  expect(await files.read("job-1", "en")).toBe("second");
  expect(await readFile(join(root, "storage/job-1.pt-BR.srt"), "utf8")).toBe("terceiro");
  expect(await readdir(join(root, "storage"))).toEqual(["job-1.en.srt", "job-1.pt-BR.srt"]);
});

test("a job's files are listed by the time of their last change, and removed together", async () => {
  const files = createSubtitleFiles(root);
  expect(await files.list({ olderThanMs: 0 })).toEqual([]);
  for (const id of ["job.1", "job.1.en", "job-2"]) await files.save(id, "en", "1\n");
  await files.save("job.1", "es", "WEBVTT\n");
  await writeFile(join(root, "job.1.en.srt.123e4567-e89b-12d3-a456-426614174000.tmp"), "a crash left it");
  await writeFile(join(root, "notes.txt"), "somebody's");
  const longAgo = new Date(Date.now() - 60_000);
  for (const name of ["job-2.en.srt", "job.1.en.srt"]) await utimes(join(root, name), longAgo, longAgo);

  expect((await files.list({ olderThanMs: 0 })).toSorted()).toEqual(["job-2", "job.1", "job.1.en"]);
  expect(await files.list({ olderThanMs: 30_000 })).toEqual(["job-2"]);
  await files.remove("job.1");
  await files.remove("absent");
  expect(await readdir(root)).toEqual(["job-2.en.srt", "job.1.en.en.srt", "notes.txt"]);
});

test("a file has the extension of its format, and replaces one in the other format", async () => {
  const files = createSubtitleFiles(root);
  await files.save("job-1", "en", "1\n");
  await files.save("job-1", "en", "WEBVTT\n");
  expect(await readdir(root)).toEqual(["job-1.en.vtt"]);
  expect(await files.read("job-1", "en")).toBe("WEBVTT\n");
  await files.save("job-1", "en", "1\n");
  expect(await readdir(root)).toEqual(["job-1.en.srt"]);
});

test("a missing file is null", async () => {
  expect(await createSubtitleFiles(root).read("job-1", "en")).toBeNull();
});

test("concurrent saves leave one complete file", async () => {
  const files = createSubtitleFiles(root);
  const contents = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
  await Promise.all(contents.map((content) => files.save("job-1", "en", content)));
  expect(contents).toContain(await files.read("job-1", "en"));
  expect(await readdir(root)).toEqual(["job-1.en.srt"]);
});

test("a failed save leaves no file", async () => {
  await mkdir(join(root, "job-1.en.srt")); // A file cannot be renamed to the name of a folder.
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
])("the id %j with the language %j is rejected", async (jobId, language) => {
  const files = createSubtitleFiles(join(root, "storage"));
  await expect(files.save(jobId, language, "x")).rejects.toThrow(TypeError);
  await expect(files.read(jobId, language)).rejects.toThrow(TypeError);
  expect(await readdir(root)).toEqual([]);
});

test("the address of a file begins with the base, with or without a slash at its end", () => {
  expect(fileUrl("https://films.example/api/", "j1")).toBe("https://films.example/api/api/v1/jobs/j1/file");
  expect(fileUrl("https://films.example/api", "j1")).toBe("https://films.example/api/api/v1/jobs/j1/file");
});
