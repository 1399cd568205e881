import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSubtitleFiles, subtitleJob } from "@showcase/contracts";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver } from "@subtitles/job-store/memory";
import type { SubtitleProgress } from "@subtitles/job-store/subtitle";
import { JobFailed } from "@subtitles/queue/worker";
import { onTestFinished } from "vitest";
import { fileCheckpoints } from "../src/checkpoint.js";
import type { TranslationProvider } from "../src/text/index.js";
import { type TranslateOptions, translate } from "../src/translate.js";

/** Returns an SRT file with these texts, one second each. */
export const srt = (...texts: readonly string[]) =>
  texts.map((text, index) => `${index + 1}\n00:00:0${index},000 --> 00:00:0${index},900\n${text}\n`).join("\n");

/** Reads a file in `test/fixtures`. */
export const fixture = (name: string) => readFile(join(import.meta.dirname, "fixtures", name), "utf8");

/** Creates a folder that is deleted after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "translate-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** Translates a file as a job does. Returns the outcome or the failure, the reported progress, and the stored translation. */
export async function translateFile(
  source: string | null,
  options: Partial<TranslateOptions> & { readonly provider: TranslationProvider },
  { language = "en", targetLanguage = "es" }: { language?: string; targetLanguage?: string | null } = {},
) {
  const folder = await temporaryFolder();
  await using store = createJobStore({ job: subtitleJob, driver: memoryDriver() });
  const files = createSubtitleFiles(folder);
  const { job } = await store.create({
    videoUrl: "https://films.example/1",
    videoTitle: "One",
    language,
    targetLanguage,
  });
  await store.updateStatus(job.id, "downloading");
  const working = await store.updateStatus(job.id, "translating");
  if (source !== null) await files.save(job.id, language, source);
  const progress: SubtitleProgress[] = [];
  const checkpoints = fileCheckpoints(join(folder, ".checkpoints"));
  const work = translate({
    minCoverage: 0.5,
    files,
    checkpoints,
    downloadBaseUrl: "http://localhost:3000",
    ...options,
  });
  const failure: { error?: unknown } = {};
  const outcome = await work(working, {
    signal: new AbortController().signal,
    progress: (report) => void progress.push(report),
  }).catch((error: unknown) => {
    if (!JobFailed.is(error)) throw error;
    failure.error = error;
    return null;
  });
  const stored = await files.read(job.id, targetLanguage ?? "es");
  return { id: job.id, outcome, ...failure, progress, stored };
}
