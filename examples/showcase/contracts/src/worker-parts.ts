import { hostname } from "node:os";
import type { Broker } from "@subtitles/queue";
import type { SubtitleStore } from "./job.js";
import type { Log } from "./log.js";

/** Objects that a worker of this service needs. The caller opens and closes them. */
export interface WorkerParts {
  readonly store: SubtitleStore;
  readonly broker: Broker;
  readonly log: Log;
  /** Number of jobs at the same time. @default 1 */
  readonly concurrency?: number | undefined;
}

/** Returns the name of a worker for the history of its jobs, for example `downloader@host/123`. */
export function workerName(app: string): string {
  return `${app}@${hostname()}/${process.pid}`;
}
