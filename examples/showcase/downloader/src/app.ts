import { downloadQueue, logWorkerEvents, type WorkerParts, workerName } from "@showcase/contracts";
import { createWorker, type Worker } from "@subtitles/queue/worker";
import { type DownloadOptions, download } from "./download.js";

export { librarySource } from "./sources/library.js";
export type { SubtitleSource } from "./sources/source.js";
export { videoSource } from "./sources/video.js";

/** The downloader, on a store and a broker that the caller opened and will close. */
export function startDownloader({ store, broker, concurrency, ...options }: WorkerParts & DownloadOptions): Worker {
  return createWorker({
    store,
    broker,
    queue: downloadQueue,
    from: "pending",
    working: "downloading",
    run: download(options),
    concurrency,
    by: workerName("downloader"),
    onEvent: logWorkerEvents(options.log),
  });
}
