import type { SubtitleFiles, SubtitleJob, SubtitleStore } from "@showcase/contracts";
import type { Job } from "@subtitles/job-store";

/**
 * Forgets a job that has ended, and removes its files. An end between the two steps leaves files without a job, which are
 * removed later.
 * @throws JobStoreError CONFLICT where it is tried again in this moment
 */
export async function removeJob(
  job: Job<SubtitleJob, "completed" | "failed">,
  { store, files }: { readonly store: SubtitleStore; readonly files: SubtitleFiles },
): Promise<void> {
  await store.delete(job);
  await files.remove(job.id);
}
