import { type JobFailure, JobStoreError } from "@subtitles/job-store";
import type { Envelope } from "../driver.js";
import type { WorkerSettings } from "./options.js";
import { namedJob } from "./request.js";
import type { StoreCalls } from "./store-calls.js";

/**
 * Result of failing the job of a message that no worker can work on:
 * - failed: the job failed
 * - leased: the job has a lease, so the message must be examined again later
 * - settled: the job needs nothing more of this message: it is gone, has ended, or was requested or claimed again
 * - foreign: the message names no job, or no present run of the job has stored it
 * - refused: the record of the job cannot be read, or the id cannot be one of a job
 */
export type FailedRequest = "failed" | "leased" | "settled" | "foreign" | "refused";

/** Fails the job that a message names, if the message was stored for the present run of this job. @throws CallStopped */
export async function failRequestOf(
  envelope: Envelope,
  error: JobFailure,
  { store, queue, from, working, failed, by, jobId }: WorkerSettings,
  calls: StoreCalls,
): Promise<{ readonly kind: FailedRequest; readonly jobId: string | null }> {
  const id = namedJob({ queue, jobId }, envelope);
  if (id === null || envelope.origin === undefined) return { kind: "foreign", jobId: id };
  const message = { queue: queue.name, id: envelope.id, origin: envelope.origin };
  try {
    const { kind } = await calls.repeat(() => store.failRequest(id, failed, { from, working, message, error, by }));
    if (kind === "failed" || kind === "leased") return { kind, jobId: id };
    return { kind: kind === "outdated" ? "foreign" : "settled", jobId: id };
  } catch (problem) {
    // The job failed, and its record cannot be returned.
    if (JobStoreError.is(problem, "UNREADABLE_RECORD") && problem.committed === true)
      return { kind: "failed", jobId: id };
    if (JobStoreError.is(problem)) return { kind: "refused", jobId: id };
    throw problem;
  }
}
