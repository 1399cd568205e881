import type { QueueDefinition } from "./definition.js";
import { QueueError } from "./errors.js";

interface Pace {
  readonly concurrency: number;
  readonly prefetch: number;
  readonly timeoutMs: number | undefined;
}

/**
 * A warning if handlers may hold a message for longer than the broker lets them. Its clock begins with the delivery, so a
 * message that was fetched ahead may wait for others first. Without a time limit nothing is known, and nothing said.
 */
export function warnOfAckTimeout(
  queue: QueueDefinition,
  { concurrency, prefetch, timeoutMs }: Pace,
  ackTimeoutMs: number | null,
): QueueError | null {
  if (timeoutMs === undefined || ackTimeoutMs === null) return null;
  const longestMs = timeoutMs * Math.ceil(prefetch / concurrency);
  if (longestMs < ackTimeoutMs) return null;
  return new QueueError(
    "INVALID_ARGUMENT",
    `A message of queue "${queue.name}" may be in hand for ${longestMs} ms (timeoutMs, and its wait for others that were ` +
      `fetched before it), and the broker takes it back after ${ackTimeoutMs} ms (ackTimeoutMs). Lower timeoutMs or ` +
      "prefetch, or raise the broker's consumer_timeout and then ackTimeoutMs.",
    { queue: queue.name },
  );
}
