import { downloadStage, logWorkerEvents, type WorkerParts, workerName } from "@showcase/contracts";
import { createWorker, type Worker } from "@subtitles/queue/worker";
import { type DownloadOptions, download } from "./download.js";

export { librarySource } from "./sources/library.js";
export type { SubtitleSource } from "./sources/source.js";
export { videoSource } from "./sources/video.js";

/** Starts the downloader. The caller opens and closes the store and the broker. */
export function startDownloader({ store, broker, concurrency, ...options }: WorkerParts & DownloadOptions): Worker {
  return createWorker({
    ...downloadStage,
    store,
    broker,
    run: download(options),
    concurrency,
    by: workerName("downloader"),
    onEvent: logWorkerEvents(options.log),
  });
}
