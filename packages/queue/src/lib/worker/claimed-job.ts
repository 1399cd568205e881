import { JobStoreError } from "@subtitles/job-store";
import type { QueueError } from "../errors.js";
import { ABORT_GRACE_MS, ActiveRun, type RunResult, type RunSurroundings } from "./active-run.js";
import { type Availability, isOutage } from "./availability.js";
import type { WorkItem } from "./claim.js";
import { JobFailed, RetryLater } from "./errors.js";
import type { LeaseHolder } from "./heartbeat.js";
import { describeLoss, type Loss } from "./loss.js";
import { type Ending, endingOfError, endingOfLostWorkers, endingOfRefusal, endingOfValue } from "./outcomes.js";
import { isLoss } from "./progress-writer.js";
import { CallStopped } from "./store-calls.js";
import type { WorkerEvent } from "./types.js";
import type { AnyJob, Claimed, WorkerChange } from "./worker-store.js";

/** Number of leases of workers that end at their time until the job fails. */
const MAX_LOST_WORKERS = 5;
/** Time that an aborted run has to return an outcome while the worker closes. */
export const CLOSE_GRACE_MS = 1_000;

/** Parts of a worker that a claimed job uses. */
export interface JobSurroundings extends RunSurroundings {
  readonly availability: Availability;
  /** Longest time for which the event loop was blocked since the last heartbeat, in milliseconds. */
  readonly blockedMs: number;
}

/** End of the work on a claimed job. */
export type JobEnd =
  /** The store has the outcome. */
  | { readonly kind: "stored" }
  /** The job was changed by someone else. `overdue`: the run ignores its signal. */
  | { readonly kind: "lost"; readonly overdue: boolean }
  /** The worker closes, and has ended the lease, if the store was available. */
  | { readonly kind: "released"; readonly leaseEnded: boolean }
  /** The record of the job cannot be read. */
  | { readonly kind: "unreadable"; readonly error: JobStoreError };

export interface ClaimedJobOptions {
  readonly claim: Claimed;
  readonly key: string;
  readonly payload: unknown;
  readonly item: WorkItem;
  /** Called when the outcome was sent to the store. */
  readonly onStoring: () => void;
  /** Called when a run has settled that was overdue. */
  readonly onLateEnd: () => void;
}

/** Job that this worker claimed: runs the work and stores its outcome. */
export class ClaimedJob implements LeaseHolder {
  #job: AnyJob | null;
  readonly #options: ClaimedJobOptions;
  readonly #around: JobSurroundings;
  #run: ActiveRun | null = null;
  #loss: Promise<Loss | null> | null = null;
  #closed: QueueError | null = null;
  #changes = 0;

  constructor(options: ClaimedJobOptions, around: JobSurroundings) {
    this.#job = options.claim.job;
    this.#options = options;
    this.#around = around;
  }

  get job(): AnyJob | null {
    return this.#job;
  }

  /** True while a run has not settled. */
  get running(): boolean {
    return this.#run !== null && !this.#run.settled;
  }

  leaseLost(): void {
    void this.#lose();
  }

  /** Aborts the run, because the worker closes. */
  close(reason: QueueError): void {
    this.#closed = reason;
    this.#run?.abort(reason, CLOSE_GRACE_MS);
  }

  /** Ends the wait for a run that was aborted. */
  expire(): void {
    this.#run?.expire();
  }

  /**
   * Runs the job and stores its outcome.
   *
   * @param thrown value that `ready` threw, which counts as thrown by the run
   * @throws CallStopped when the worker closes and the store is unavailable
   */
  async work(thrown: { readonly error: unknown } | null): Promise<JobEnd> {
    const { settings } = this.#around;
    const { expiredLeases, failedAttempts } = this.#options.claim;
    try {
      if (expiredLeases >= MAX_LOST_WORKERS) return await this.#store(endingOfLostWorkers(expiredLeases, settings));
      if (thrown !== null) return await this.#store(endingOfError(thrown.error, failedAttempts, settings));
      return await this.#runUntilEnd();
    } finally {
      this.#job = null;
    }
  }

  async #runUntilEnd(): Promise<JobEnd> {
    for (;;) {
      const run = this.#createRun();
      this.#run = run;
      const result = await run.start();
      if (this.#loss !== null && (await this.#loss) !== null) return { kind: "lost", overdue: result.kind === "overdue" };
      if (this.#closed !== null && this.#isUnfinished(result)) return this.#endLease();
      const ending = this.#endingOf(result, run);
      if (ending.error === undefined || !isOutage(ending.error) || ending.error === run.reason) return this.#store(ending);
      if (!(await this.#around.availability.wasInterrupted(run.startedAt))) return this.#store(ending);
      const next = await this.#continueAfterOutage();
      if (next !== null) return next;
    }
  }
}
