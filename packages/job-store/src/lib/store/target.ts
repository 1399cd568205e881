import { checkDate, checkId, checkInteger, invalid } from "../arguments.js";
import type { JobDefinition } from "../definition.js";
import type { Target } from "../driver.js";
import type { Job } from "../job.js";

/** Target of a call with a snapshot: this job, at this version, in this status. */
export interface SnapshotTarget extends Target {
  readonly version: number;
  readonly createdAt: number;
  readonly status: string;
}

/** Returns the target of a call: the state of a snapshot, or any job with this id. @throws JobStoreError INVALID_ARGUMENT */
export function toTarget<D extends JobDefinition>(job: string | Job<D>, ifVersion?: number): Target {
  if (typeof job === "object" && job !== null) return snapshotTarget(job);
  const version =
    ifVersion === undefined ? undefined : checkInteger(ifVersion, "ifVersion", 1, Number.MAX_SAFE_INTEGER);
  return { id: checkId(job), version };
}

/** @throws JobStoreError INVALID_ARGUMENT */
export function snapshotTarget<D extends JobDefinition>(job: Job<D>): SnapshotTarget {
  if (typeof job !== "object" || job === null) return invalid("A job that the store returned is required.");
  const { status } = job;
  if (typeof status !== "string") return invalid("`job.status` must be a string.");
  return {
    id: checkId(job.id),
    version: checkInteger(job.version, "job.version", 1, Number.MAX_SAFE_INTEGER),
    createdAt: checkDate(job.createdAt, "job.createdAt"),
    status,
  };
}
