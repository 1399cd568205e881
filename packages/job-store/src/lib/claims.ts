import type { FieldOf, FromOf, JobDefinition, StatusOf, WorkingOf } from "./definition.js";
import type { Job, JobFailure } from "./job.js";

/** Message that requests a job, as a consumer received it. */
export interface RequestingMessage {
  /** Name of the queue, 1–255 characters. */
  readonly queue: string;
  /** Message id, 1–255 characters. */
  readonly id: string;
  /** Origin of the message, as received. Absent: it was published directly. */
  readonly origin?: string | undefined;
}

/** Limit of the jobs that run at the same time and have the same value of an index field. See `ClaimOptions.limit`. */
export interface KeyLimit<Field extends string = string> {
  /** Index field of the definition. Jobs without a value are not limited. */
  readonly field: Field;
  /** Maximum number of running jobs for each value, 1–1,000,000. */
  readonly max: number;
}

/** Options of `claim`. */
export interface ClaimOptions<D extends JobDefinition, W extends StatusOf<D> = WorkingOf<D>> {
  /** Statuses in which the job can be claimed, in addition to the working status. */
  readonly from: readonly FromOf<D, W>[];
  /** Duration of the lease in milliseconds, 1–31,622,400,000 (366 days). */
  readonly leaseMs: number;
  /** Key of this claim, 1–128 characters. Each claim needs its own. */
  readonly key: string;
  /** Message that requests the job. It is sent again, with the same id, payload and headers, if the lease ends without a status change. */
  readonly message: RequestingMessage & {
    /** Payload as received. */
    readonly payload: unknown;
    /** Headers as received. */
    readonly headers?: Readonly<Record<string, string>> | undefined;
  };
  /** Claims only if the job has this version. @default any version */
  readonly ifVersion?: number | undefined;
  /**
   * Claims only if fewer than `max` jobs with the same value of the field run. Only leases that a worker owns count, and only those of claims with
   * a limit on this field. A lease counts for the value at its claim. Each claim compares with its own `max`.
   * @throws INVALID_ARGUMENT on a sharded store, because the jobs of one value are in several shards @default no limit
   */
  readonly limit?: KeyLimit<FieldOf<D>> | undefined;
  /** Author of the change, as named by the caller. */
  readonly by?: string | undefined;
  /** Remark. */
  readonly note?: string | undefined;
}

/**
 * Answer of `claim`: the first that applies, in this order.
 * - missing: no such job
 * - outdated: the message belongs to an earlier run of the job (it failed or was cancelled or deleted, and was requested again)
 * - handled: see `Change.handled`
 * - moved: the status of the job is final, or neither the working status nor in `from`
 * - leased: the job has a lease. If its claim does not cover the message, the store remembers the newest one of each queue. The next claim
 *   for that queue drops it; a change to another status that is not final puts it into the outbox
 * - changed: the job has another version than `ifVersion`
 * - paused: the queue of the message is paused; see `pauseQueue`
 * - limited: the places of the job's value are taken; see `ClaimOptions.limit`. The store keeps the message and sends it later, so the caller
 *   acknowledges it. The store keeps one message per job and queue, the newest, and its place in the order of arrival:
 *   - It sends the oldest messages as long as places are free: when a lease that counts ends, when a claim of a sent message gets an answer
 *     other than claimed, limited and paused, and once a minute while `outbox.read` is called, by the newest `max` used for the queue. It sends
 *     all messages of a field that no live worker limits (`AnnouncedWorker.limit`).
 *   - A sent message holds its place for ten seconds. If it is limited again, it gets its earlier place in the order
 * - claimed: the caller owns the job
 */
export type ClaimResult<D extends JobDefinition, W extends StatusOf<D> = StatusOf<D>> =
  | {
      readonly kind: "claimed";
      /** Snapshot of the claimed job. */
      readonly job: Job<D, W>;
      /** Failed attempts since the job entered the working status from another one. */
      readonly failedAttempts: number;
      /** Leases of workers that ended at their time, and were not renewed later, since the latest change other than a claim. */
      readonly expiredLeases: number;
      /** Origin of a message that is stored at this version of the job. */
      readonly origin: string;
    }
  | { readonly kind: "missing" | "outdated" | "handled" | "moved" | "leased" | "changed" | "limited" }
  | {
      readonly kind: "paused";
      /** End of the pause. null: until `resumeQueue`. */
      readonly until: Date | null;
      /** Reason, as given to `pauseQueue`. null: none was given. */
      readonly reason: string | null;
    };

/** Options of `failRequest`. */
export interface FailRequestOptions<D extends JobDefinition> {
  /** Statuses in which the job waits for a worker. */
  readonly from: readonly StatusOf<D>[];
  /** Status in which a worker holds the job. */
  readonly working: WorkingOf<D>;
  /** Message that requested the job. */
  readonly message: RequestingMessage;
  /** Reason of the failure. */
  readonly error: JobFailure;
  /** Author of the change, as named by the caller. */
  readonly by?: string | undefined;
  /** Remark. */
  readonly note?: string | undefined;
}

/** Answer of `failRequest`. */
export type FailRequestResult<D extends JobDefinition> =
  | { readonly kind: "failed"; readonly job: Job<D> }
  | { readonly kind: "missing" | "outdated" | "handled" | "moved" | "leased" };
