import { hostname } from "node:os";
import type { Broker } from "@subtitles/queue";
import type { SubtitleStore } from "./job.js";
import type { Log } from "./log.js";

/** What a worker of this service stands on. The caller opens and closes it. */
export interface WorkerParts {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly log: Log;
  /** Jobs worked on at a time. @default 1 */
  readonly concurrency?: number | undefined;
}

/** Names a worker in the history of its jobs, such as `downloader@host/123`. */
export function workerName(app: string): string {
  return `${app}@${hostname()}/${process.pid}`;
}
