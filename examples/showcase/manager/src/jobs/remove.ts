import type { SubtitleFiles, SubtitleJob, SubtitleStore } from "@showcase/contracts";
import type { Job } from "@subtitles/job-store";

/**
 * Deletes a job that has ended, and removes its files. If the process ends between the two steps, the files are removed later.
 * @throws JobStoreError CONFLICT if the job is retried at the same time
 */
export async function removeJob(
  job: Job<SubtitleJob, "completed" | "failed">,
  { store, files }: { readonly store: SubtitleStore; readonly files: SubtitleFiles },
): Promise<void> {
  await store.delete(job);
  await files.remove(job.id);
}
