import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, createSubtitleFiles, subtitleJob, translateQueue } from "@example/contracts";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { expect, onTestFinished, test } from "vitest";
import { download } from "../src/download.js";
import { librarySource, type SubtitleSource } from "../src/sources.js";

const subtitle = (text: string) => `1\n00:00:01,000 --> 00:00:02,000\n${text}\n`;
const film = { videoUrl: "https://films.example/ferry.mkv", videoTitle: "Ferry" };

/** Runs the work on a job for `data`, with a library of these files. */
async function run(
  library: Readonly<Record<string, string>>,
  data: Partial<SubtitleData>,
  more: SubtitleSource[] = [],
) {
  const root = await mkdtemp(join(tmpdir(), "download-"));
  await using store = createJobStore({ job: subtitleJob, driver: memoryDriver() });
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, "library"));
  for (const [name, content] of Object.entries(library)) await writeFile(join(root, "library", name), content);

  const files = createSubtitleFiles(join(root, "storage"));
  const { job } = await store.create({ ...film, language: "en", ...data });
  const working = await store.updateStatus(job.id, "downloading");
  const progress: unknown[] = [];
  const work = download({
    sources: [...more, librarySource(join(root, "library"))],
    files,
    downloadBaseUrl: "http://localhost:3000",
  });
  const outcome = await work(working, {
    signal: new AbortController().signal,
    progress: (report) => progress.push(report),
    log: createLog("test", "silent"),
  });
  const stored = (language: string) => files.read(job.id, language);
  return { id: job.id, outcome, progress, stored };
}

test("a subtitle that is found is stored as it is, and the job is done", async () => {
  const { id, outcome, progress, stored } = await run({ "Ferry.en.srt": subtitle("Hello.") }, {});
  expect(outcome).toMatchObject({
    to: "completed",
    result: {
      downloadUrl: `http://localhost:3000/api/v1/jobs/${id}/file`,
      details: { source: "library", file: "Ferry.en.srt", language: "en" },
    },
  });
  expect(await stored("en")).toBe(subtitle("Hello."));
  expect(progress.at(-1)).toEqual({ stage: "searching", done: 1, total: 1 });
});

test("where another language was asked for, the job is handed on together with its message", async () => {
  const { id, outcome, stored } = await run({ "Ferry.en.srt": subtitle("Hello.") }, { targetLanguage: "es" });
  expect(outcome).toMatchObject({
    to: "translating",
    outbox: [{ queue: translateQueue.name, payload: { jobId: id } }],
  });
  expect(outcome).not.toHaveProperty("result");
  expect(await stored("en")).toBe(subtitle("Hello."));
  expect(await stored("es")).toBeNull();
});

test("a subtitle in the target language makes translation needless", async () => {
  const library = { "Ferry.en.srt": subtitle("Hello."), "Ferry.es.srt": subtitle("Hola.") };
  const { outcome, stored } = await run(library, { targetLanguage: "es" });
  expect(outcome).toMatchObject({ to: "completed", result: { details: { file: "Ferry.es.srt", language: "es" } } });
  expect(await stored("es")).toBe(subtitle("Hola."));
});

test("asking for a translation into the subtitle's own language is asking for the subtitle", async () => {
  const { outcome, stored } = await run({ "Ferry.en.srt": subtitle("Hello.") }, { targetLanguage: "en" });
  expect(outcome).toMatchObject({ to: "completed" });
  expect(await stored("en")).toBe(subtitle("Hello."));
});

test("what is not found fails at once, and says how far the search went", async () => {
  const { outcome } = await run({ "Ferry.fr.srt": subtitle("Bonjour."), "Other.en.srt": subtitle("Hello.") }, {});
  expect(outcome).toEqual({
    to: "failed",
    error: {
      message: "No subtitle in en for this film among 2 subtitle files (there is one in fr).",
      code: "SUBTITLE_NOT_FOUND",
      retryable: false,
    },
  });
});

test("the exact language is preferred, then the plain version; a broken file is passed over", async () => {
  const library = {
    "Ferry.en-GB.srt": subtitle("regional"),
    "Ferry.en.sdh.srt": subtitle("for the deaf"),
    "ferry.en.srt": subtitle("plain"),
  };
  expect(await (await run(library, {})).stored("en")).toBe(subtitle("plain"));
  expect(await (await run({ ...library, "ferry.en.srt": "" }, {})).stored("en")).toBe(subtitle("for the deaf"));
  expect(await (await run(library, { language: "en-GB" })).stored("en-GB")).toBe(subtitle("regional"));
});

test("the client's preferred sources are asked first", async () => {
  const asked: string[] = [];
  const source = (name: string): SubtitleSource => ({
    name,
    async search() {
      asked.push(name);
      return { candidates: [], looked: 0 };
    },
  });
  await run({}, { preferredSources: ["nowhere", "two"] }, [source("one"), source("two")]);
  expect(asked).toEqual(["two", "one"]);
});

test("a source that cannot answer is no answer: the work throws, to be tried again", async () => {
  const broken: SubtitleSource = { name: "broken", search: () => Promise.reject(new Error("The disk is away.")) };
  await expect(run({ "Ferry.en.srt": subtitle("Hello.") }, {}, [broken])).rejects.toThrow("The disk is away.");
});
