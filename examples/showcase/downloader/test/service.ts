import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  createLog,
  createSubtitleFiles,
  downloadQueue,
  memoryProviderStates,
  resultDetails,
  subtitleJob,
  translateQueue,
} from "@showcase/contracts";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { createBroker, createRelay } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { onTestFinished } from "vitest";
import { librarySource, startDownloader, videoSource } from "../src/app.js";
import { openSubtitlesClient } from "../src/opensubtitles/client.js";
import { openSubtitlesSource } from "../src/opensubtitles/source.js";
import { API_KEY, type startOpenSubtitles } from "./opensubtitles/server.js";

export const subtitle = (text: string) => `1\n00:00:01,000 --> 00:00:02,000\n${text}\n`;

/**
 * Starts a downloader with memory drivers, the folders `media` and `library` in `root`, and an OpenSubtitles server if given.
 */
export async function startService(stub?: Awaited<ReturnType<typeof startOpenSubtitles>>) {
  const root = await mkdtemp(join(tmpdir(), "downloader-"));
  const [media, library] = [join(root, "media"), join(root, "library")];
  await Promise.all([mkdir(media), mkdir(library)]);
  const store = createJobStore({ job: subtitleJob, driver: jobsInMemory() });
  const broker = createBroker({ driver: queuesInMemory() });
  const files = createSubtitleFiles(join(root, "storage"));
  const log = createLog("test", "silent");
  const client =
    stub &&
    openSubtitlesClient({
      apiKey: API_KEY,
      userAgent: "Test v1.0",
      baseUrl: stub.baseUrl,
      states: memoryProviderStates(),
      log,
      betweenRequestsMs: 0,
      maxRetries: 0,
    });
  const sources = [
    videoSource([media]),
    librarySource(library),
    ...(client ? [openSubtitlesSource(client, [media])] : []),
  ];
  const downloader = startDownloader({
    store,
    broker,
    log,
    sources,
    files,
    downloadBaseUrl: "http://localhost:3000",
  });
  const relay = createRelay({ outbox: store.outbox, broker, queues: [downloadQueue, translateQueue] });
  onTestFinished(async () => {
    await downloader.close({ graceMs: 0 });
    await relay.close();
    await broker.close();
    await store.close();
    await rm(root, { recursive: true });
  });

  /** Writes files below `root`: a subtitle with its own path as its text, or the given text. */
  async function put(...paths: readonly (string | readonly [string, string | Uint8Array])[]) {
    for (const path of paths) {
      const [name, content] = typeof path === "string" ? [path, subtitle(path)] : path;
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), content);
    }
  }

  /** Resolves with the job when it has ended, and the stored subtitle in its language. */
  async function run(data: Pick<SubtitleData, "videoTitle"> & Partial<SubtitleData>) {
    const { job } = await store.create({ videoUrl: "https://films.example/stream", language: "en", ...data });
    const ended = await store.waitFor(job.id, { until: ["completed", "failed", "translating"] });
    const details = resultDetails.parse(ended.result?.details ?? {});
    return { job: ended, details, file: await files.read(job.id, job.data.language) };
  }

  return { root, store, files, put, run };
}
