import type { SubtitleFiles, SubtitleJob, SubtitleStore } from "@showcase/contracts";
import { type Job, JobStoreError } from "@subtitles/job-store";
import type { SubtitleData } from "@subtitles/job-store/subtitle";
import { jobIdFor } from "./identity.js";
import { retryJob } from "./resume.js";

export interface Submitted {
  readonly job: Job<SubtitleJob>;
  /** `existing`: the same work is under way or done. `restarted`: it had failed, and is tried again. */
  readonly outcome: "created" | "existing" | "restarted";
}

export interface SubmitOptions {
  readonly store: SubtitleStore;
  readonly files: SubtitleFiles;
  /** When this request came first, where it is repeated: what failed since is its own outcome, and not tried again. */
  readonly firstSeen?: Date | null;
}

/** Accepts work, once: asking again for the same leads to the job that is there. */
export async function submit(data: SubtitleData, options: SubmitOptions): Promise<Submitted> {
  const { store, firstSeen } = options;
  const { job, created } = await store.create(data, { id: jobIdFor(data), by: "manager" });
  if (created) return { job, outcome: "created" };
  const failedSince = firstSeen && job.statusAt >= firstSeen;
  return job.status === "failed" && !failedSince ? restart(job, options) : { job, outcome: "existing" };
}

async function restart(job: Job<SubtitleJob, "failed">, { store, files }: SubmitOptions): Promise<Submitted> {
  try {
    const restarted = await retryJob(job, { store, files }, { by: "manager", note: "asked for again" });
    return { job: restarted, outcome: "restarted" };
  } catch (error) {
    if (!JobStoreError.is(error, "CONFLICT")) throw error;
    // Someone else asked in the same moment, and their retry stands.
    return { job: (await store.get(job.id)) ?? job, outcome: "existing" };
  }
}
