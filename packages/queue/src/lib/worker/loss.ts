import { JobStoreError } from "@subtitles/job-store";
import type { StoreCalls } from "./store-calls.js";
import type { WorkerEvent } from "./types.js";
import type { AnyJob, WorkerStore } from "./worker-store.js";

/** Change of a claimed job by someone else than its worker. */
export interface Loss {
  /** Reason of the run's signal. */
  readonly error: JobStoreError;
  /** Fields of the event "lost". */
  readonly event: Pick<WorkerEvent, "to" | "version" | "changedBy">;
}

/** Returns true if a call by snapshot was refused because the job was changed by someone else. */
export function isLoss(error: unknown): boolean {
  return JobStoreError.is(error, "CONFLICT") || JobStoreError.is(error, "NOT_FOUND");
}

/** Reads how a claimed job was changed. @throws CallStopped */
export async function describeLoss(claimed: AnyJob, store: WorkerStore, calls: StoreCalls): Promise<Loss> {
  const jobId = claimed.id;
  let stored: AnyJob | null;
  try {
    stored = await calls.repeat(() => store.get(jobId));
  } catch (error) {
    if (!JobStoreError.is(error)) throw error;
    return {
      error: new JobStoreError("CONFLICT", `Job ${jobId} was changed during the run. ${error.message}`, { jobId }),
      event: {},
    };
  }
  if (stored === null || Number(stored.createdAt) !== Number(claimed.createdAt)) {
    const message = `Job ${jobId} was deleted or has expired during the run.`;
    return { error: new JobStoreError("NOT_FOUND", message, { jobId }), event: {} };
  }
  const { status, version } = stored;
  const last = stored.history.at(-1);
  const changedBy = last?.version === version ? last.by : undefined;
  const change = version === claimed.version ? "its lease was ended" : `it is now in "${status}" at version ${version}`;
  const author = changedBy === undefined || version === claimed.version ? "" : `, changed by ${changedBy}`;
  const message = `Job ${jobId} was changed during the run: ${change}${author}.`;
  return {
    error: new JobStoreError("CONFLICT", message, { jobId, currentVersion: version }),
    event: { to: status, version, ...(changedBy !== undefined && { changedBy }) },
  };
}
