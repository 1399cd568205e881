import type { WorkerEvent } from "@subtitles/queue/worker";
import { type Logger, pino } from "pino";

export type Log = Logger;

/** Logs lines of JSON to the standard output. */
export function createLog(level: string): Log {
  return pino({ level });
}

/** Events that need the attention of an operator. */
const WARNINGS: readonly string[] = [
  "failed",
  "retrying",
  "lost",
  "blocked",
  "unavailable",
  "recovered",
  "stuck",
  "error",
];
/** Events of every message. */
const DETAILS: readonly string[] = ["started", "skipped"];

/** Returns the `onEvent` of a worker: it logs what happens to its jobs. */
export function logWorkerEvents(log: Log): (event: WorkerEvent) => void {
  return ({ type, message, error, ...details }) => {
    const level = WARNINGS.includes(type) ? "warn" : DETAILS.includes(type) ? "debug" : "info";
    log[level]({ event: type, err: error, ...details }, `worker: ${message}`);
  };
}
