import type { DataOf, JobDefinition, ProgressOf, ResultOf, StatusOf } from "./definition.js";

/** A job as it stood at one moment: an immutable snapshot. Distributes over F, so that checking `job.status` narrows it. */
export type Job<D extends JobDefinition, F extends StatusOf<D> = StatusOf<D>> = F extends unknown
  ? {
      /** 1–128 of A–Z a–z 0–9 . _ - */
      readonly id: string;
      /** Checking it narrows the job, and with it the statuses that may follow. */
      readonly status: F;
      /** 1 when created, +1 with every committed status change or save. The fencing token. */
      readonly version: number;
      /** 1 when created, +1 each time the job leaves a final status (a retry). */
      readonly attempt: number;
      /** What it was created with, as the schema parsed it. No change of status changes it. */
      readonly data: DataOf<D>;
      /** The last that was recorded in this attempt; null: none. */
      readonly progress: ProgressOf<D> | null;
      /** What the work produced; null until a change says so, and again after a retry. */
      readonly result: ResultOf<D> | null;
      /** Why the work failed; null until a change says so, and again after a retry. */
      readonly error: JobFailure | null;
      /** By the store's clock, as all times are. */
      readonly createdAt: Date;
      /** When the job was last written, its progress included. */
      readonly updatedAt: Date;
      /** When the job entered its present status; a re-entry counts. */
      readonly statusAt: Date;
      /** When the store forgets the job; null: never. */
      readonly expiresAt: Date | null;
      /** Status changes, oldest first; the last `historyLimit` of them. */
      readonly history: readonly StatusChange<StatusOf<D>>[];
    }
  : never;

/** What `create` answers: a new job, or the one that already had the id. */
export type Created<D extends JobDefinition> =
  | { readonly created: true; readonly job: Job<D, D["initial"] & StatusOf<D>> }
  | { readonly created: false; readonly job: Job<D> };

/** Why a job failed, in the words of the service that gave it up. */
export interface JobFailure {
  /** For people: what happened. */
  readonly message: string;
  /** For programs: your own name for what happened. */
  readonly code?: string | undefined;
  /** Whether trying again can help. */
  readonly retryable?: boolean | undefined;
}

/** One step of a job's history. */
export interface StatusChange<S extends string = string> {
  /** null: the job was created. */
  readonly from: S | null;
  /** The status that it entered. */
  readonly to: S;
  /** When, by the store's clock. */
  readonly at: Date;
  /** The job's version after this change. */
  readonly version: number;
  /** Who made the change, as the caller named itself. */
  readonly by?: string;
  /** The remark that the change carried. */
  readonly note?: string;
  /** The name that the change was given, see `Change.key`; a reporter gives one to each of its changes. */
  readonly key?: string;
}
