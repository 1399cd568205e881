import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { createBroker, deadLetter } from "@subtitles/queue";
import { memoryDriver as queuesInMemory } from "@subtitles/queue/memory";
import { onTestFinished, vi } from "vitest";
import {
  createLog,
  createSubtitleFiles,
  downloadQueue,
  memoryProviderStates,
  subtitleJob,
  translateQueue,
} from "../../examples/showcase/contracts/src/index.js";
import { librarySource, startDownloader } from "../../examples/showcase/downloader/src/app.js";
import { keysInMemory, startManager } from "../../examples/showcase/manager/src/app.js";
import {
  fileCheckpoints,
  loadTranslationMemory,
  paced,
  startTranslator,
} from "../../examples/showcase/translator/src/app.js";
import { PATIENCE } from "../patience.js";

const sample = (path: string) => fileURLToPath(new URL(`../../examples/samples/${path}`, import.meta.url));

export const samples = {
  read: (path: string) => readFile(sample(path)),
  path: sample,
};

export type Service = Awaited<ReturnType<typeof startService>>;

/** Starts the manager with memory drivers. It is closed at the end of the test. */
export async function startService({ token }: { readonly token?: string } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "page-test-"));
  const log = createLog("test", "silent");
  const store = createJobStore({ job: subtitleJob, driver: jobsInMemory() });
  const queues = queuesInMemory({ timeoutMs: 500 });
  const broker = createBroker({ driver: queues });
  const files = createSubtitleFiles(folder);
  const providers = memoryProviderStates();
  const start = (port: number) =>
    startManager({ store, broker, files, providers, keys: keysInMemory(), log, host: "127.0.0.1", port, token });
  let manager = await start(0);
  const { url } = manager;
  const workers: { close(options: { graceMs: number }): Promise<void> }[] = [];

  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.close({ graceMs: 0 })));
    await manager.close();
    await broker.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  return {
    url,
    store,
    files,
    providers,
    queues,
    /** Leaves two messages in the queues: one that waits for a worker, and one that is dead-lettered. */
    async publishMessages(jobId: string) {
      // The stored jobs have sent messages, too.
      await vi.waitFor(async () => {
        if ((await store.outbox.depth()) > 0) throw new Error("Some messages are not published yet.");
      }, PATIENCE);
      for (const queue of [downloadQueue, translateQueue]) await broker.purge(queue);
      await broker.publish(downloadQueue, { jobId });
      await broker.publish(translateQueue, { jobId });
      const worker = await broker.consume(translateQueue, async () => deadLetter("The translation memory is damaged."));
      await vi.waitFor(async () => {
        if ((await broker.stats(translateQueue)).dead !== 1) throw new Error("The message is not dead-lettered yet.");
      }, PATIENCE);
      await worker.close();
    },
    stopManager: () => manager.close(),
    /** Starts the manager again at the same address. */
    async startManager() {
      manager = await start(Number(new URL(url).port));
    },
    /** Starts the downloader and the translator with the sample files. They pause after each batch of four cues. */
    async startWorkers({ pauseMs }: { readonly pauseMs: number }) {
      const options = { store, broker, files, log, concurrency: 2, downloadBaseUrl: url };
      const memory = await loadTranslationMemory(sample("memory.en-es.tmx"));
      workers.push(startDownloader({ ...options, sources: [librarySource(sample("library"))] }));
      workers.push(
        startTranslator({
          ...options,
          provider: paced(memory, pauseMs),
          minCoverage: 0.8,
          batchSize: 4,
          checkpoints: fileCheckpoints(join(folder, ".checkpoints")),
        }),
      );
    },
  };
}
