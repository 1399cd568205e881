import { JobStoreError } from "@subtitles/job-store";
import { QueueError } from "@subtitles/queue";
import type { WorkerEvent } from "@subtitles/queue/worker";
import { type Logger, pino, stdSerializers } from "pino";

export type Log = Logger;

/** Creates a log that writes lines of JSON to the standard output. */
export function createLog(level: string): Log {
  return pino({ level, serializers: { err: describe } });
}

/** Leaves out the stack of errors of the store and the queue. Their message is enough, and an outage repeats them often. */
function describe(error: Error) {
  const isKnown = JobStoreError.is(error) || QueueError.is(error);
  return isKnown ? { type: error.name, code: error.code, message: error.message } : stdSerializers.err(error);
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
/** Events that occur for every message. */
const DETAILS: readonly string[] = ["started", "skipped"];

/** Returns an `onEvent` for a worker, which logs the worker's events. */
export function logWorkerEvents(log: Log): (event: WorkerEvent) => void {
  return ({ type, message, error, ...details }) => {
    const level = WARNINGS.includes(type) ? "warn" : DETAILS.includes(type) ? "debug" : "info";
    log[level]({ event: type, err: error, ...details }, `worker: ${message}`);
  };
}
