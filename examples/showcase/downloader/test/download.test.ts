import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, createSubtitleFiles, subtitleJob } from "@showcase/contracts";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { JobFailed, RetryLater } from "@subtitles/queue/worker";
import { expect, onTestFinished, test, vi } from "vitest";
import { download } from "../src/download.js";
import { librarySource } from "../src/sources/library.js";
import type { Candidate, SubtitleSource } from "../src/sources/source.js";
import { videoSource } from "../src/sources/video.js";

const subtitle = (text: string) => `1\n00:00:01,000 --> 00:00:02,000\n${text}\n`;
const film = { videoUrl: "https://films.example/ferry.mkv", videoTitle: "Ferry" };

/** Runs the work on a job with `data`, with a library of these files. */
async function run(
  library: Readonly<Record<string, string | Uint8Array>>,
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
    log: createLog("test", "silent"),
  });
  const outcome = await work(working, {
    signal: new AbortController().signal,
    progress: (report) => void progress.push(report),
  });
  const stored = (language: string) => files.read(job.id, language);
  return { id: job.id, outcome, progress, stored };
}

test("a found subtitle is stored without a change, and the job is completed", async () => {
  const { id, outcome, progress, stored } = await run({ "Ferry.en.srt": subtitle("Hello.") }, {});
  expect(outcome).toMatchObject({
    to: "completed",
    result: {
      downloadUrl: `http://localhost:3000/api/v1/jobs/${id}/file`,
      details: {
        subtitle: {
          source: "library",
          name: "Ferry.en.srt",
          language: "en",
          format: "srt",
          encoding: "utf-8",
          encodingFoundBy: "bytes",
          bytes: 39,
          because: "it is the only one in en",
          candidates: 1,
          passedOver: [],
        },
      },
    },
  });
  expect(await stored("en")).toBe(subtitle("Hello."));
  expect(progress.at(-1)).toEqual({ stage: "searching", done: 1, total: 1 });
});

test("a job that requests another language is sent to the translator", async () => {
  const { outcome, stored } = await run({ "Ferry.en.srt": subtitle("Hello.") }, { targetLanguage: "es" });
  expect(outcome).toMatchObject({
    to: "translating",
    result: { details: { subtitle: { name: "Ferry.en.srt" } } },
  });
  expect(await stored("en")).toBe(subtitle("Hello."));
  expect(await stored("es")).toBeNull();
});

test("a subtitle in the target language needs no translation", async () => {
  const library = { "Ferry.en.srt": subtitle("Hello."), "Ferry.es.srt": subtitle("Hola.") };
  const { outcome, stored } = await run(library, { targetLanguage: "es" });
  expect(outcome).toMatchObject({
    to: "completed",
    result: { details: { subtitle: { name: "Ferry.es.srt", language: "es" } } },
  });
  expect(await stored("es")).toBe(subtitle("Hola."));
});

test("a translation into the subtitle's own language returns the subtitle", async () => {
  const { outcome, stored } = await run({ "Ferry.en.srt": subtitle("Hello.") }, { targetLanguage: "en" });
  expect(outcome).toMatchObject({ to: "completed" });
  expect(await stored("en")).toBe(subtitle("Hello."));
});

test("a job without a result fails at once, with the extent of the search", async () => {
  const failure = run({ "Ferry.fr.srt": subtitle("Bonjour."), "Other.en.srt": subtitle("Hello.") }, {});
  await expect(failure).rejects.toThrow(
    expect.objectContaining({
      message: "No subtitle in en for this film among 2 subtitle files (there is one in fr).",
      code: "SUBTITLE_NOT_FOUND",
      retryable: false,
    }),
  );
});

test("the failure says that the library has episodes, if the request names none", async () => {
  const library = { "Ferry.S01E02.1080p.WEB-GRP.en.srt": subtitle("Hello.") };
  await expect(run(library, {})).rejects.toThrow(/Skipped: an episode, .* does not name one, such as S01E02\.$/);
  expect(await run(library, { videoTitle: "Ferry S01E02" })).toMatchObject({ outcome: { to: "completed" } });
});

test("the failure names MEDIA_PATH, if the video is a file outside of the media folders", async () => {
  const beside = videoSource(["/media"]);
  const message =
    "among 0 subtitle files. Skipped: the video is not in one of the downloader's media folders (MEDIA_PATH).";
  await expect(run({}, { videoUrl: "/films/ferry.mkv" }, [beside])).rejects.toThrow(message);
  await expect(run({}, {}, [beside])).rejects.toThrow(/among 0 subtitle files\.$/);
});

test("the exact language is preferred, then the plain version; a damaged file is skipped", async () => {
  const library = {
    "Ferry.en-GB.srt": subtitle("regional"),
    "Ferry.en.sdh.srt": subtitle("for the deaf"),
    "ferry.en.srt": subtitle("plain"),
  };
  expect(await (await run(library, {})).stored("en")).toBe(subtitle("plain"));
  expect(await (await run({ ...library, "ferry.en.srt": "" }, {})).stored("en")).toBe(subtitle("for the deaf"));
  expect(await (await run(library, { language: "en-GB" })).stored("en-GB")).toBe(subtitle("regional"));
});

test("the client's preferred sources are searched first", async () => {
  const asked: string[] = [];
  const source = (name: string): SubtitleSource => ({
    name,
    async search() {
      asked.push(name);
      return { candidates: [], looked: 0 };
    },
  });
  const failure = run({}, { preferredSources: ["nowhere", "two"] }, [source("one"), source("two")]);
  await expect(failure).rejects.toThrow("No subtitle in en");
  expect(asked).toEqual(["two", "one"]);
});

const answering = (name: string, ...candidates: readonly Partial<Candidate>[]): SubtitleSource => ({
  name,
  search: async () => ({
    candidates: candidates.map((one) => ({
      source: name,
      name: `from ${name}`,
      language: "en",
      traits: { hearingImpaired: false },
      read: async () => Buffer.from(subtitle(name)),
      ...one,
    })),
    looked: candidates.length,
  }),
});
const failing = (name: string, error: Error): SubtitleSource => ({ name, search: () => Promise.reject(error) });

test("after a source has the subtitle, no other source is searched", async () => {
  const second = answering("second", {});
  const search = vi.spyOn(second, "search");
  await run({}, {}, [answering("first", {}), second]);
  expect(search).not.toHaveBeenCalled();
});

test("if a source is unavailable and no other one has the subtitle, the work throws and is tried again", async () => {
  await expect(run({}, {}, [failing("broken", new Error("The disk is unavailable."))])).rejects.toThrow(
    "The disk is unavailable.",
  );
});

test("if another source has the subtitle, an unavailable source is a warning without paths", async () => {
  const broken = failing("broken", new Error("/private/path is unavailable"));
  const { outcome } = await run({ "Ferry.en.srt": subtitle("Hello.") }, {}, [broken]);
  expect(outcome).toMatchObject({
    to: "completed",
    result: { details: { warnings: ["broken was unavailable."], subtitle: { source: "library" } } },
  });
});

test("if several sources are unavailable, the one that is available first sets the time of the next attempt", async () => {
  const sources = [
    failing("used up", new JobFailed("Tomorrow.", { code: "PROVIDER_UNAVAILABLE", retryable: true })),
    failing("busy", new RetryLater("In a minute.", { afterMs: 60_000 })),
    failing("busier", new RetryLater("In an hour.", { afterMs: 3_600_000 })),
  ];
  await expect(run({}, {}, sources)).rejects.toThrow("In a minute.");
});

test("the result has the reasons for the choice and against the others", async () => {
  const { outcome } = await run({}, {}, [
    answering(
      "shelf",
      { name: "for the deaf", traits: { hearingImpaired: true, rating: 10 } },
      { name: "regional", language: "en-GB" },
      { name: "French", language: "fr" },
      { name: "broken", read: async () => Buffer.from("<html>"), traits: { hearingImpaired: false, downloads: 9 } },
      { name: "plain" },
    ),
  ]);
  expect(outcome).toMatchObject({
    result: {
      details: {
        subtitle: {
          name: "plain",
          candidates: 5,
          because: "it is not for the hard of hearing, it is in exactly this language",
          passedOver: [
            { source: "shelf", name: "broken", why: "it cannot be read as a subtitle" },
            { source: "shelf", name: "for the deaf", why: "for the hard of hearing" },
            { source: "shelf", name: "regional", why: "in a variety of the language" },
            { source: "shelf", name: "French", why: "in fr" },
          ],
        },
      },
    },
  });
});

test("the stored file is UTF-8 without a mark, and the result has the original encoding and its evidence", async () => {
  const latin = Buffer.from(subtitle("Café."), "latin1");
  const { outcome, stored } = await run({}, { language: "fr" }, [
    answering("shelf", { language: "fr", read: async () => latin }),
  ]);
  expect(await stored("fr")).toBe(subtitle("Café."));
  expect(outcome).toMatchObject({
    result: { details: { subtitle: { encoding: "windows-1252", encodingFoundBy: "language" } } },
  });
});

test("a file with a damaged byte is stored as UTF-8, and the job's details report the damage", async () => {
  const bytes = Buffer.concat([Buffer.from(subtitle("“It’s late,” she said…")), Buffer.from([0xe9])]);
  const { outcome, stored } = await run({ "Ferry.en.srt": bytes }, {});
  expect(await stored("en")).toContain("“It’s late,” she said…");
  expect(outcome).toMatchObject({
    result: {
      details: { warnings: [expect.stringMatching(/1 unreadable character/)], subtitle: { encoding: "utf-8" } },
    },
  });
});
