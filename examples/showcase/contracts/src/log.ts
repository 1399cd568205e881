import type { StoreEvent } from "@subtitles/job-store";
import { type DestinationStream, type Logger, pino } from "pino";

export type Log = Logger;

/** JSON lines on standard output, or wherever `destination` leads. */
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

/** For a store's `onEvent`: what happens to its connection, at the level it deserves. */
export function logStoreEvents(log: Log): (event: StoreEvent) => void {
  return ({ type, message, details }) => log[levelOf[type]]({ event: type, ...details }, `job store: ${message}`);
}
