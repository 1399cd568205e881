import type { QueuePause } from "./driver.js";

/** Describes a pause in one or two sentences. */
export function describePause({
  queue,
  since,
  until,
  reason,
  by,
}: Omit<QueuePause, "since"> & { since?: number }): string {
  const begin = since === undefined ? "" : ` since ${new Date(since).toISOString()}`;
  const end = until === null ? "until it is resumed" : `until ${new Date(until).toISOString()}`;
  const author = by === null ? "" : `, by ${by}`;
  return `The queue "${queue}" is paused${begin} ${end}${author}.${reason === null ? "" : ` Reason: ${reason}`}`;
}
