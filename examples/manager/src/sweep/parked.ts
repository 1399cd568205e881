import { goingOn, queueOf, type SubtitleStore, waitingOf } from "@example/contracts";
import { JobStoreError } from "@subtitles/job-store";
import { message } from "@subtitles/queue";

/**
 * Sends on the parked jobs whose time has come. The message is stored with the step that ends the wait, so that of several
 * managers one sends it, and none of them only half.
 * @returns how many jobs were sent on
 */
export async function wakeParked(store: SubtitleStore): Promise<number> {
  let woken = 0;
  for await (const job of store.scan({ status: ["downloading", "translating"] })) {
    const waiting = waitingOf(job);
    if (!waiting || Date.parse(waiting.until) > Date.now()) continue;
    try {
      await store.updateStatus(job.id, job.status, {
        ifVersion: job.version,
        progress: goingOn(job.progress),
        outbox: [message(queueOf[job.status], { jobId: job.id })],
        by: "manager",
        note: "its time has come",
      });
      woken += 1;
    } catch (error) {
      // Cancelled, deleted or sent on by another manager in this moment.
      if (!isOvertaken(error)) throw error;
    }
  }
  return woken;
}

function isOvertaken(error: unknown): boolean {
  return JobStoreError.is(error, "CONFLICT") || JobStoreError.is(error, "NOT_FOUND");
}
