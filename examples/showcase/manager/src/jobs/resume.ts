import type { SubtitleFiles, SubtitleJob, SubtitleStore } from "@showcase/contracts";
import type { Job } from "@subtitles/job-store";

export interface RetryOptions {
  readonly by: string;
  /** Forget what was downloaded already. @default false */
  readonly fromStart?: boolean | undefined;
  readonly note?: string | undefined;
}

/**
 * The next attempt of a failed job. It goes on where the last one stopped: the downloader finds the file.
 * @throws JobStoreError CONFLICT where someone else was faster
 */
export async function retryJob(
  job: Job<SubtitleJob, "failed">,
  { store, files }: { readonly store: SubtitleStore; readonly files: SubtitleFiles },
  { by, fromStart = false, note }: RetryOptions,
): Promise<Job<SubtitleJob, "pending">> {
  if (fromStart) await files.remove(job.id);
  return store.updateStatus(job, "pending", { by, note });
}
