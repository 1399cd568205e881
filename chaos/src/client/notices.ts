import { setTimeout as pause } from "node:timers/promises";
import type { Broker } from "@subtitles/queue";
import { type Journal, now } from "../journal.js";
import { notices } from "../workload.js";

/** Records the messages of the queue `notices`. Repeats `consume` until it succeeds, because the broker may be unavailable at the start. */
export async function recordNotices(broker: Broker, journal: Journal, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      await broker.consume(
        notices,
        async ({ id, payload: { jobId, op = "" } }) =>
          journal.write({ line: "received", queue: notices.name, id, job: jobId, op, at: now() }),
        { concurrency: 8 },
      );
      return;
    } catch {
      await pause(200);
    }
  }
}
