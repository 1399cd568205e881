import { downloadQueue, type StageOptions, startStage } from "@example/contracts";
import type { Consumer } from "@subtitles/queue";
import { type DownloadOptions, download } from "./download.js";

export { librarySource } from "./sources/library.js";
export type { SubtitleSource } from "./sources/source.js";
export { videoSource } from "./sources/video.js";

/** The downloader, on a store and a broker that the caller opened and will close. */
export function startDownloader({
  store,
  broker,
  log,
  concurrency,
  ...options
}: StageOptions & DownloadOptions): Consumer {
  return startStage(
    {
      name: "downloader",
      queue: downloadQueue,
      enter: (job, change) =>
        job.status === "pending" || job.status === "downloading"
          ? store.updateStatus(job, "downloading", change)
          : null,
      work: download(options),
    },
    { store, broker, log, concurrency },
  );
}
