import type { SubtitleFiles, SubtitleJob, SubtitleStore } from "@showcase/contracts";
import { type Job, JobStoreError } from "@subtitles/job-store";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { jobIdFor } from "./identity.js";
import { retryJob } from "./resume.js";

export interface Submitted {
  readonly job: Job<SubtitleJob>;
  /** `existing`: the same work is in progress or completed. `restarted`: it had failed, and is tried again. */
  readonly outcome: "created" | "existing" | "restarted";
}

export interface SubmitOptions {
  readonly store: SubtitleStore;
  readonly files: SubtitleFiles;
  /**
   * Time of the first request, if this one is a repetition. A job that has failed since then is the result of the request, and is
   * not retried.
   */
  readonly firstSeen?: Date | null;
}

/** Accepts work once: a repeated request returns the existing job. */
export async function submit(data: SubtitleData, options: SubmitOptions): Promise<Submitted> {
  const { store, firstSeen } = options;
  const { job, created } = await store.create(data, { id: jobIdFor(data), by: "manager" });
  if (created) return { job, outcome: "created" };
  const failedSince = firstSeen && job.statusAt >= firstSeen;
  return job.status === "failed" && !failedSince ? restart(job, options) : { job, outcome: "existing" };
}

async function restart(job: Job<SubtitleJob, "failed">, { store, files }: SubmitOptions): Promise<Submitted> {
  try {
    const restarted = await retryJob(job, { store, files }, { by: "manager", note: "requested again" });
    return { job: restarted, outcome: "restarted" };
  } catch (error) {
    if (!JobStoreError.is(error, "CONFLICT")) throw error;
    // Another request has retried the job at the same time.
    return { job: (await store.get(job.id)) ?? job, outcome: "existing" };
  }
}
