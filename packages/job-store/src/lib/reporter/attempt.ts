import type { input } from "zod/v4/core";
import type { JobDefinition, StatusOf } from "../definition.js";
import { JobStoreError } from "../errors.js";
import type { Job } from "../job.js";
import { refusal } from "../refusals.js";
import type { Change, JobStore } from "../store.js";
import type { Fence, Report } from "./report.js";

/** What one attempt came to. "away": the store gave no verdict, so the change is tried again. */
export type Outcome =
  | { readonly kind: "stored" }
  | { readonly kind: "refused"; readonly error: JobStoreError }
  | { readonly kind: "away"; readonly error: JobStoreError };

/** How far the store's clock and ours may be apart where a history has to be held against the time of a report. */
const CLOCK_ALLOWANCE_MS = 60_000;

/**
 * Tries to make a reported change, exactly once over all attempts. An attempt whose answer was lost was carried out once
 * or not at all, and never later: so before such a change is tried again, or given up, the job's history is searched for
 * its key. Never throws.
 */
export async function attemptReport<D extends JobDefinition>(store: JobStore<D>, report: Report<D>): Promise<Outcome> {
  try {
    await (report.fence === null ? moveById(store, report) : moveBySnapshot(store, report, report.fence));
    return { kind: "stored" };
  } catch (error) {
    return judge(error);
  }
}

/** Never throws. */
export async function attemptProgress<D extends JobDefinition>(
  store: JobStore<D>,
  id: string,
  fence: Fence | null,
  progress: input<D["progress"]>,
): Promise<Outcome> {
  try {
    await store.updateProgress(fence === null ? id : snapshot(id, fence), progress);
    return { kind: "stored" };
  } catch (error) {
    return judge(error);
  }
}

function judge(error: unknown): Outcome {
  if (error instanceof Untold) return { kind: "refused", error: error.reason };
  if (JobStoreError.is(error, "UNAVAILABLE") || JobStoreError.is(error, "CLOSED")) return { kind: "away", error };
  if (JobStoreError.is(error)) return { kind: "refused", error };
  const message = "The store failed in a way it does not document; whether the change was made is not known.";
  return { kind: "refused", error: new JobStoreError("UNAVAILABLE", message, { indeterminate: true }) };
}

/** The version fences every attempt, so none can be carried out twice; only what an error means may need the history. */
async function moveBySnapshot<D extends JobDefinition>(store: JobStore<D>, report: Report<D>, fence: Fence) {
  try {
    fence.version = await move(store, report, snapshot(report.id, fence), fence.version);
  } catch (error) {
    const mayBeOurDoing = ["CONFLICT", "NOT_FOUND", "UNREADABLE_RECORD"] as const;
    if (!report.doubtful || !mayBeOurDoing.some((code) => JobStoreError.is(error, code))) throw error;
    const job = await read(store, report.id);
    if (job === null) throw missing(report.id);
    if (job === "unreadable") throw new Untold(report, "it cannot be read");
    if (job.createdAt.getTime() !== fence.createdAt) throw error;
    const next = job.history.find(({ version }) => version === fence.version + 1);
    if (next === undefined) throw new Untold(report, "its history does not reach back far enough");
    if (next.key !== report.key) throw error;
    fence.version = next.version;
  }
}

/**
 * Goes straight to the store until an answer is lost. From then on an earlier attempt may have been carried out, so the job
 * is looked at first, and the change is fenced by the version that was seen.
 */
async function moveById<D extends JobDefinition>(store: JobStore<D>, report: Report<D>): Promise<void> {
  if (!report.doubtful) return void (await move(store, report, report.id));
  for (;;) {
    const job = await read(store, report.id);
    if (job === null) throw missing(report.id);
    if (job === "unreadable") throw new Untold(report, "it cannot be read");
    if (job.history.some(({ key }) => key === report.key)) return;
    if (!reachesBackTo(job, report.reportedAt)) {
      throw new Untold(report, "its history does not reach back far enough");
    }
    try {
      await move(store, report, report.id, job.version);
      return;
    } catch (error) {
      if (!JobStoreError.is(error, "CONFLICT")) throw error;
    }
  }
}

/** @returns the version that the job has now */
async function move<D extends JobDefinition>(
  store: JobStore<D>,
  report: Report<D>,
  target: string | Job<D, never>,
  version?: number,
): Promise<number> {
  const change: Change<D> = { ...report.change, key: report.key };
  try {
    const job: Job<D> =
      typeof target === "string"
        ? await store.updateStatus(target, report.to, { ...change, ifVersion: version })
        : await store.updateStatus(target, report.to as never, change);
    return job.version;
  } catch (error) {
    // The change was made; only what else the job holds does not fit this service's schema.
    if (JobStoreError.is(error, "UNREADABLE_RECORD") && error.committed === true) return (version ?? 0) + 1;
    if (JobStoreError.is(error, "UNAVAILABLE") && error.indeterminate !== false) report.doubtful = true;
    throw error;
  }
}

async function read<D extends JobDefinition>(store: JobStore<D>, id: string): Promise<Job<D> | "unreadable" | null> {
  try {
    return await store.get(id);
  } catch (error) {
    if (JobStoreError.is(error, "UNREADABLE_RECORD")) return "unreadable";
    throw error;
  }
}

/** Where the job is gone, so is the question what became of its change. */
function missing(jobId: string): JobStoreError {
  return refusal({ kind: "missing" }, { jobId });
}

/** Whether a change made since `time` would still be in the history. */
function reachesBackTo<D extends JobDefinition>(job: Job<D>, time: number): boolean {
  const [oldest] = job.history;
  if (oldest === undefined) return false;
  return oldest.from === null || oldest.at.getTime() < time - CLOCK_ALLOWANCE_MS;
}

/** Of a snapshot the store looks at nothing but these; what else the job was then need not wait in memory or on disk. */
function snapshot<D extends JobDefinition>(id: string, { version, createdAt }: Fence): Job<D, never> {
  return { id, version, createdAt: new Date(createdAt) } as unknown as Job<D, never>;
}

/** Thrown where an answer was lost and the job cannot tell what became of the change. It is not tried again. */
class Untold extends Error {
  readonly reason: JobStoreError;

  constructor(report: { readonly id: string; readonly to: StatusOf<JobDefinition> }, why: string) {
    super(why);
    this.reason = new JobStoreError(
      "UNAVAILABLE",
      `The answer to a change of job ${report.id} to "${report.to}" was lost, and the job cannot tell: ${why}. ` +
        "It was made once or not at all, and is not tried again.",
      { jobId: report.id, indeterminate: true },
    );
  }
}
