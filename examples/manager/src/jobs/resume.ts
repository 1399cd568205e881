import {
  downloadQueue,
  type StageQueue,
  type SubtitleFiles,
  type SubtitleJob,
  type SubtitleStore,
  translateQueue,
} from "@example/contracts";
import type { Job } from "@subtitles/job-store";
import { message } from "@subtitles/queue";

/** The queue that a job goes on from: what was downloaded already need not be found again. */
export async function stageToResume({ id, data }: Job<SubtitleJob>, files: SubtitleFiles): Promise<StageQueue> {
  const downloaded = data.targetLanguage !== null && (await files.read(id, data.language)) !== null;
  return downloaded ? translateQueue : downloadQueue;
}

export interface RetryOptions {
  readonly by: string;
  /** Forget what was downloaded already. @default false */
  readonly fromStart?: boolean | undefined;
  readonly note?: string | undefined;
}

/**
 * The next attempt of a failed job, together with the message that asks for it.
 * @throws JobStoreError CONFLICT where someone else was faster
 */
export async function retryJob(
  job: Job<SubtitleJob, "failed">,
  { store, files }: { readonly store: SubtitleStore; readonly files: SubtitleFiles },
  { by, fromStart = false, note }: RetryOptions,
): Promise<Job<SubtitleJob, "pending">> {
  const queue = fromStart ? downloadQueue : await stageToResume(job, files);
  return store.updateStatus(job, "pending", { by, note, outbox: [message(queue, { jobId: job.id })] });
}
