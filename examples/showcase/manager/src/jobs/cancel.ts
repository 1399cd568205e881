import type { SubtitleJob, SubtitleStore } from "@showcase/contracts";
import { type Job, JobStoreError } from "@subtitles/job-store";

const CANCELLED = "CANCELLED";

/**
 * Cancels a job that is in progress. Its worker has an older version from now on, so its writes are rejected, and it stops. A job
 * that was cancelled before counts as cancelled. A job that has ended in another way does not change.
 */
export async function cancelJob(
  store: SubtitleStore,
  id: string,
  by: string,
): Promise<{ readonly job: Job<SubtitleJob>; readonly cancelled: boolean }> {
  const error = { message: "Cancelled on request.", code: CANCELLED, retryable: true };
  try {
    const job = await store.updateStatus(id, "failed", { error, by, note: "cancelled" });
    return { job, cancelled: job.error?.code === CANCELLED };
  } catch (refused) {
    if (!JobStoreError.is(refused, "ILLEGAL_TRANSITION")) throw refused;
    const job = await store.get(id);
    if (!job) throw new JobStoreError("NOT_FOUND", `There is no job ${id}.`, { jobId: id });
    return { job, cancelled: false };
  }
}
