import type { DataOf, JobDefinition, ProgressOf, ResultOf, StatusOf } from "./definition.js";

/** Immutable snapshot of a job. The type distributes over F, so a check of `job.status` narrows the job. */
export type Job<D extends JobDefinition, F extends StatusOf<D> = StatusOf<D>> = F extends unknown
  ? {
      /** Id of the job: 1–128 characters of A–Z a–z 0–9 . _ - */
      readonly id: string;
      /** Current status. A check of it narrows the job, and with it the statuses that can follow. */
      readonly status: F;
      /** Version of the job: 1 at creation, plus 1 for every committed status change or save. Used as the fencing token. */
      readonly version: number;
      /** Number of the attempt: 1 at creation, plus 1 each time the job leaves a final status (a retry). */
      readonly attempt: number;
      /** Data of the job: the output of the data schema at creation. Status changes do not change it. */
      readonly data: DataOf<D>;
      /** Latest progress of the current attempt. null: none was recorded. */
      readonly progress: ProgressOf<D> | null;
      /** Result of the work. null before a change records one, and after a retry. */
      readonly result: ResultOf<D> | null;
      /** Reason why the work failed. null before a change records one, and after a retry. */
      readonly error: JobFailure | null;
      /** Time of creation, from the server's clock (like all times). */
      readonly createdAt: Date;
      /** Time of the last write, progress included. */
      readonly updatedAt: Date;
      /** Time at which the job entered its current status. Re-entry counts. */
      readonly statusAt: Date;
      /** Time after which the job no longer exists. null: it does not expire. */
      readonly expiresAt: Date | null;
      /**
       * Time at which the present lease ends: a worker runs the job, a retry is due, or the job was postponed. null: no lease. It follows
       * the clock of the server, if the store is reachable until then. A renewal changes neither `version` nor `updatedAt`.
       */
      readonly leasedUntil: Date | null;
      /** Latest `historyLimit` status changes, oldest first. */
      readonly history: readonly StatusChange<StatusOf<D>>[];
    }
  : never;

/** Job to save. The store ignores `leasedUntil`. */
export type JobToSave<D extends JobDefinition> =
  StatusOf<D> extends infer F
    ? F extends StatusOf<D>
      ? Omit<Job<D, F>, "leasedUntil"> & { readonly leasedUntil?: Date | null | undefined }
      : never
    : never;

/** Result of `create`: the new job, or the stored job that already had the id. */
export type Created<D extends JobDefinition> =
  | { readonly created: true; readonly job: Job<D, D["initial"] & StatusOf<D>> }
  | { readonly created: false; readonly job: Job<D> };

/** Reason why a job failed, as the caller describes it. */
export interface JobFailure {
  /** Human-readable description. */
  readonly message: string;
  /** Machine-readable name of the reason, chosen by the caller. */
  readonly code?: string | undefined;
  /** True if another attempt can succeed. */
  readonly retryable?: boolean | undefined;
}

/** Entry of a job's history. */
export interface StatusChange<S extends string = string> {
  /** Previous status. null: the job was created. */
  readonly from: S | null;
  /** New status. */
  readonly to: S;
  /** Time of the change, from the server's clock. */
  readonly at: Date;
  /** Version of the job after the change. */
  readonly version: number;
  /** Author of the change, as named by the caller. */
  readonly by?: string;
  /** Remark of the caller. */
  readonly note?: string;
  /** Name of the change, see `Change.key`. A reporter gives one to each of its changes. */
  readonly key?: string;
}
