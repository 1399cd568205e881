import { checkLease, checkMetadata, checkOutbox, checkStatus, checkTrue } from "../arguments.js";
import type { JobDefinition, StatusOf } from "../definition.js";
import { JobStoreError } from "../errors.js";
import type { Job } from "../job.js";
import { encode, encodeFailure } from "../store/codec.js";
import type { Change, JobStore } from "../types.js";
import { toBase64url } from "../utf8.js";

/** State that the stored job must have. All changes reported with one snapshot share one fence, and each moves it on. */
export interface Fence {
  readonly createdAt: number;
  version: number;
  status: string;
}

/** One status change that was passed to `report`. */
export interface ReportedChange<D extends JobDefinition> {
  readonly id: string;
  readonly to: StatusOf<D>;
  /** Values of the change: checked, and copied so that the caller cannot alter them while the change waits. */
  readonly values: Change<D>;
  /** Key of the change in the job's history. A change whose reply was lost is searched for by this key. */
  readonly key: string;
  /** null: the change was reported by id, so only the lifecycle decides. */
  readonly fence: Fence | null;
  readonly reportedAt: number;
  /** True if the reply to an earlier attempt was lost, so that the change may have been applied. */
  indeterminate: boolean;
}

/**
 * Checks a change with the checks of `updateStatus`, and copies it.
 * @throws JobStoreError INVALID_ARGUMENT, INVALID_DATA
 */
export function toReportedChange<D extends JobDefinition>(
  definition: D,
  { id, fence }: { readonly id: string; readonly fence: Fence | null },
  to: unknown,
  change: Change<JobDefinition>,
): ReportedChange<D> {
  const fields = { jobId: id };
  const { result, error, progress } = change;
  const status = checkStatus(definition, to) as StatusOf<D>;
  const { by, note } = checkMetadata(change);
  const outbox = checkOutbox(change.outbox, id).map((message) => ({
    queue: message.queue,
    payload: JSON.parse(message.payload),
    headers: message.headers,
    ...(message.id !== null && { id: message.id }),
    ...(message.delayMs > 0 && { delayMs: message.delayMs }),
  }));
  // 72 random bits: unique among the changes of one job.
  const key = toBase64url(crypto.getRandomValues(new Uint8Array(9)));
  const values: Change<D> = {
    result: result === undefined ? undefined : JSON.parse(encode(definition.result, result, "result", fields)),
    error: error === undefined ? undefined : JSON.parse(encodeFailure(error, fields)),
    progress: progress === undefined || progress === null ? progress : copyProgress(definition, id, progress),
    by,
    note,
    key,
    outbox,
    handled: checkTrue(change.handled, "handled"),
    leaseMs: change.leaseMs === undefined ? undefined : checkLease(change.leaseMs, 1),
    failedAttempt: checkTrue(change.failedAttempt, "failedAttempt"),
  };
  return { id, to: status, values, key, fence, reportedAt: Date.now(), indeterminate: false };
}

/** Checks progress with the check of `updateProgress`, and copies it. @throws JobStoreError INVALID_DATA */
export function copyProgress(definition: JobDefinition, id: string, progress: unknown) {
  return JSON.parse(encode(definition.progress, progress, "progress", { jobId: id }));
}

/** Result of one attempt. "unavailable": the store did not decide, so the change is attempted again later. */
export type AttemptResult =
  | { readonly kind: "stored" }
  | { readonly kind: "rejected"; readonly error: JobStoreError }
  | { readonly kind: "unavailable" };

/**
 * Attempts to apply a change. Over all attempts the change is applied at most once: the store never carries out a failed
 * call later, so after a lost reply the job's history shows whether the change was applied. Never rejects.
 */
export async function attemptChange<D extends JobDefinition>(
  store: JobStore<D>,
  change: ReportedChange<D>,
): Promise<AttemptResult> {
  try {
    if (change.indeterminate) {
      const found = await findInHistory(store, change);
      if (found === "applied") return { kind: "stored" };
      if (found !== "not applied") return { kind: "rejected", error: unknownOutcome(change, found) };
      change.indeterminate = false;
    }
    await applyChange(store, change);
    return { kind: "stored" };
  } catch (error) {
    if (isUnavailable(error)) return { kind: "unavailable" };
    return { kind: "rejected", error: JobStoreError.is(error) ? error : unexpected(change) };
  }
}

/** Returns true for the errors of a store that did not decide about a call. */
export function isUnavailable(error: unknown): boolean {
  return JobStoreError.is(error, "UNAVAILABLE") || JobStoreError.is(error, "CLOSED");
}

/**
 * Returns the target of a call: the id, or a snapshot that has only the properties that the store compares. The whole
 * snapshot is not kept while a change waits, because it can be as large as a record.
 */
export function targetOf<D extends JobDefinition>(id: string, fence: Fence | null): string | Job<D, never> {
  if (fence === null) return id;
  const { version, status, createdAt } = fence;
  return { id, version, status, createdAt: new Date(createdAt) } as unknown as Job<D, never>;
}

async function applyChange<D extends JobDefinition>(store: JobStore<D>, change: ReportedChange<D>): Promise<void> {
  const { id, to, values, fence } = change;
  try {
    // The compiler cannot see that the store also checks the transition of a snapshot.
    const job: Job<D> = await store.updateStatus(targetOf<D>(id, fence), to as never, values);
    moveFence(fence, job.version, job.status);
  } catch (error) {
    const isCommitted = JobStoreError.is(error, "UNREADABLE_RECORD") && error.committed === true;
    if (!isCommitted) {
      if (JobStoreError.is(error, "UNAVAILABLE") && error.indeterminate !== false) change.indeterminate = true;
      throw error;
    }
    // The change was applied. Only the other data of the job does not match the schema of this service.
    moveFence(fence, (fence?.version ?? 0) + 1, to);
  }
}

function moveFence(fence: Fence | null, version: number, status: string): void {
  if (fence === null) return;
  fence.version = version;
  fence.status = status;
}

type HistoryResult = "applied" | "not applied" | "history too short" | "unreadable";

/** Reads the job to find out whether a change whose reply was lost has been applied. @throws UNAVAILABLE, CLOSED */
async function findInHistory<D extends JobDefinition>(
  store: JobStore<D>,
  { id, key, fence, reportedAt }: ReportedChange<D>,
): Promise<HistoryResult> {
  let job: Job<D> | null;
  try {
    job = await store.get(id);
  } catch (error) {
    if (JobStoreError.is(error, "UNREADABLE_RECORD")) return "unreadable";
    throw error;
  }
  // In these two cases the change cannot be applied any more, and the next attempt fails with the reason.
  if (job === null) return "not applied";
  if (fence !== null && job.createdAt.getTime() !== fence.createdAt) return "not applied";

  const applied = job.history.find((entry) => entry.key === key);
  if (applied !== undefined) {
    moveFence(fence, applied.version, applied.to);
    return "applied";
  }
  const isComplete = fence === null ? reachesBackTo(job, reportedAt) : reachesBackToVersion(job, fence.version + 1);
  return isComplete ? "not applied" : "history too short";
}

/** Maximum difference between the clocks of the store and of this process that is allowed for, in milliseconds. */
const CLOCK_ALLOWANCE_MS = 60_000;

/** Returns true if the history contains every change since this time, which was taken from the clock of this process. */
function reachesBackTo<D extends JobDefinition>({ history: [oldest] }: Job<D>, time: number): boolean {
  if (oldest === undefined) return false;
  return oldest.from === null || oldest.at.getTime() < time - CLOCK_ALLOWANCE_MS;
}

/** Returns true if the history contains the change that produced this version, or if the job has not reached it. */
function reachesBackToVersion<D extends JobDefinition>(job: Job<D>, version: number): boolean {
  return job.version < version || job.history.some((entry) => entry.version === version);
}

/** Returns the error for a change that did not fit into the queue of a reporter. */
export function queueFull<D extends JobDefinition>(change: ReportedChange<D>, pending: number): JobStoreError {
  return dropped(
    change,
    `The store is unavailable and the queue of the reporter is full (${pending} pending changes, maxPending).`,
  );
}

/** Returns the error for a change that was still pending when the reporter was closed. */
export function closedWhilePending<D extends JobDefinition>(change: ReportedChange<D>): JobStoreError {
  return dropped(change, "The reporter was closed while the store was unavailable.");
}

function unknownOutcome<D extends JobDefinition>(
  change: ReportedChange<D>,
  reason: "history too short" | "unreadable",
): JobStoreError {
  const why = {
    "history too short": "the history of the job is too short to check (historyLimit)",
    unreadable: "the record of the job cannot be read",
  };
  return dropped(change, `The reply was lost, and ${why[reason]}.`);
}

function unexpected<D extends JobDefinition>(change: ReportedChange<D>): JobStoreError {
  return dropped({ ...change, indeterminate: true }, "The store failed with an unexpected error.");
}

function dropped<D extends JobDefinition>(change: ReportedChange<D>, why: string): JobStoreError {
  const { id, to, indeterminate } = change;
  const outcome = indeterminate
    ? "may have been applied once. Read the job with get() to find out: the reporter does not try again."
    : "was not applied. Report it again if it is still needed.";
  return new JobStoreError("UNAVAILABLE", `${why} The change of job ${id} to "${to}" ${outcome}`, {
    jobId: id,
    indeterminate,
  });
}
