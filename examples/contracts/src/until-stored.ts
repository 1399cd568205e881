import { setTimeout as delay } from "node:timers/promises";
import { JobStoreError } from "@subtitles/job-store";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

/**
 * Repeats a call to the store for as long as the store is away. A worker must not lose what it did to an outage of
 * Redis, nor use up its message's retries on one: it keeps the message unacknowledged and waits here.
 *
 * An answer may be lost on its way: a change by snapshot that is repeated then meets its own first attempt, as a CONFLICT.
 *
 * @throws whatever else the call throws; the signal's reason once it aborts
 */
export async function untilStored<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!JobStoreError.is(error, "UNAVAILABLE")) throw error;
    }
    // Jitter, so that all workers do not come back in the same moment.
    await delay(waitMs * (0.5 + Math.random() / 2), undefined, { signal });
  }
}
