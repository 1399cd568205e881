import type { SubtitleFiles, SubtitleJob, SubtitleStore } from "@showcase/contracts";
import type { Job } from "@subtitles/job-store";

export interface RetryOptions {
  readonly by: string;
  /** True: downloads the subtitle again. @default false */
  readonly fromStart?: boolean | undefined;
  readonly note?: string | undefined;
}

/**
 * Begins the next attempt of a failed job. It continues after the last completed stage, because the downloader finds its file.
 * @throws JobStoreError CONFLICT if another client changed the job at the same time
 */
export async function retryJob(
  job: Job<SubtitleJob, "failed">,
  { store, files }: { readonly store: SubtitleStore; readonly files: SubtitleFiles },
  { by, fromStart = false, note }: RetryOptions,
): Promise<Job<SubtitleJob, "pending">> {
  if (fromStart) await files.remove(job.id);
  return store.updateStatus(job, "pending", { by, note });
}
