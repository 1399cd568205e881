import type { WorkerEvent } from "@subtitles/queue/worker";
import { type Logger, pino } from "pino";

export type Log = Logger;

/** Logs lines of JSON to the standard output. */
export function createLog(level: string): Log {
  return pino({ level });
}

/** Events of a worker that need the attention of an operator. */
const WARNINGS: readonly WorkerEvent["type"][] = [
  "failed",
  "retrying",
  "lost",
  "blocked",
  "unavailable",
  "stuck",
  "error",
];

/** Returns the `onEvent` of a worker: it logs what happens to its jobs. */
export function logWorkerEvents(log: Log): (event: WorkerEvent) => void {
  return ({ type, message, error, ...details }) =>
    log[WARNINGS.includes(type) ? "warn" : "info"]({ event: type, err: error, ...details }, `worker: ${message}`);
}
