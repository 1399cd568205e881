import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, createSubtitleFiles, memoryProviderStates, subtitleJob } from "@showcase/contracts";
import { librarySource, startDownloader, videoSource } from "@showcase/downloader";
import { keysInMemory, startManager } from "@showcase/manager";
import { fileCheckpoints, loadTranslationMemory, paced, startTranslator } from "@showcase/translator";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { createBroker } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { type System, samples } from "./system.js";

/** Runs the three apps of the showcase in this process, on the memory drivers, without servers and files that remain. */
export async function startInProcess(): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), "subtitles-demo-"));
  const log = createLog("demo", process.env.LOG_LEVEL ?? "silent");
  const store = createJobStore({ job: subtitleJob, driver: jobsInMemory() });
  const broker = createBroker({ driver: queuesInMemory() });
  const files = createSubtitleFiles(folder);
  const memory = await loadTranslationMemory(samples.translationMemory);

  const manager = await startManager({
    store,
    broker,
    files,
    providers: memoryProviderStates(),
    keys: keysInMemory(),
    log,
    host: "127.0.0.1",
    port: 0,
    // The demo polls ten times per second.
    requestsPerMinute: 100_000,
  });
  const worker = { store, broker, files, log, concurrency: 2, downloadBaseUrl: manager.url };
  const sources = [videoSource([samples.media]), librarySource(samples.library)];
  const downloader = startDownloader({ ...worker, sources });
  const translator = startTranslator({
    ...worker,
    provider: paced(memory, samples.pauseMs),
    minCoverage: samples.minCoverage,
    batchSize: samples.batchSize,
    checkpoints: fileCheckpoints(join(folder, ".checkpoints")),
  });

  return {
    url: manager.url,
    about: "one process, memory drivers",
    log: async () => "LOG_LEVEL=info shows the apps' log.",
    async [Symbol.asyncDispose]() {
      await Promise.all([downloader.close({ graceMs: 1000 }), translator.close({ graceMs: 1000 })]);
      await manager.close();
      await broker.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
