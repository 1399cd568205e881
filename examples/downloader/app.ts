import { createWorker, type Worker } from "@subtitles/queue/worker";
import { z } from "zod";
import type { Resources } from "../contracts/connect.js";
import { download } from "../contracts/job.js";
import { logWorkerEvents } from "../contracts/log.js";
import { besideVideoSource } from "./sources/beside-video.js";
import { folderSource } from "./sources/folder.js";
import { downloadWith } from "./work.js";

export const downloaderSettings = {
  /** Folder of videos, with subtitles next to them. */
  MEDIA_PATH: z.string().default("samples/media"),
  /** Folder of subtitle files. */
  LIBRARY_PATH: z.string().default("samples/library"),
  /** Maximum number of jobs at the same time. */
  DOWNLOADER_CONCURRENCY: z.coerce.number().int().min(1).max(100).default(4).describe("a number, 1 to 100"),
};

/** Starts the worker that finds subtitles. */
export function startDownloader(
  { store, broker, files, log }: Resources,
  settings: z.output<z.ZodObject<typeof downloaderSettings>>,
): Worker {
  const sources = [besideVideoSource(settings.MEDIA_PATH), folderSource(settings.LIBRARY_PATH)];
  return createWorker({
    ...download,
    store,
    broker,
    run: downloadWith(sources, files),
    concurrency: settings.DOWNLOADER_CONCURRENCY,
    onEvent: logWorkerEvents(log),
  });
}
