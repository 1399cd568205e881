import type { StoreEvent } from "@subtitles/job-store";
import { type DestinationStream, type Logger, pino } from "pino";

export type Log = Logger;

/**
 * Creates a log with a name. It writes lines of JSON to the standard output, or to `destination`. This replaces `createLog` of
 * the templates.
 */
export function createLog(name: string, level: string, destination?: DestinationStream): Log {
  const options = { name, level };
  return destination ? pino(options, destination) : pino(options);
}

const levelOf = {
  connected: "info",
  recovered: "info",
  paused: "info",
  resumed: "info",
  disconnected: "warn",
  degraded: "warn",
  restarted: "warn",
  warning: "warn",
} as const;

/** Returns an `onEvent` for a store, which logs each event at the level of its type. */
export function logStoreEvents(log: Log): (event: StoreEvent) => void {
  return ({ type, message, details }) => log[levelOf[type]]({ event: type, ...details }, `job store: ${message}`);
}
