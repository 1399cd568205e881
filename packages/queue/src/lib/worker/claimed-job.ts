import { JobStoreError } from "@subtitles/job-store";
import type { QueueError } from "../errors.js";
import { ABORT_GRACE_MS, ActiveRun, type RunOwner, type RunResult, type RunSurroundings } from "./active-run.js";
import type { WorkItem } from "./claim.js";
import { JobFailed, RetryLater } from "./errors.js";
import type { LeaseHolder } from "./heartbeat.js";
import { describeLoss, isLoss, type Loss } from "./loss.js";
import { isOutage, type Outages } from "./outages.js";
import { type Ending, endingOfError, endingOfLostWorkers, endingOfRefusal, endingOfValue } from "./outcomes.js";
import { CallStopped } from "./store-calls.js";
import type { WorkerEvent } from "./types.js";
import { type AnyJob, type Claimed, WITHOUT_JOB, type WorkerChange } from "./worker-store.js";

/** Number of leases of workers that end at their time until the job fails. */
const MAX_LOST_WORKERS = 5;
/** Time that an aborted run has to return an outcome while the worker closes. */
export const CLOSE_GRACE_MS = 1_000;

/** Parts of a worker that a claimed job uses. */
export interface JobSurroundings extends RunSurroundings {
  readonly outages: Outages;
  /** True when no further run may start, because the worker closes. */
  readonly isClosing: boolean;
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
  /** The store can neither store the outcome nor the failure: the record cannot be read, or is too large. */
  | { readonly kind: "refused"; readonly error: unknown };

export interface ClaimedJobOptions {
  readonly claim: Claimed;
  readonly key: string;
  readonly payload: unknown;
  readonly item: WorkItem;
  readonly owner: ClaimOwner;
}

/** Owner of a claimed job. */
export interface ClaimOwner {
  /** Called before the first run. Resolves when it may start; null: at once. */
  admit(): Promise<void> | null;
  /** Called when the outcome was sent to the store. */
  outcomeSent(): void;
  /** Called when a run has settled that was overdue. */
  runEndedLate(): void;
}

/** Job that this worker claimed: runs the work and stores its outcome. */
export class ClaimedJob implements LeaseHolder, RunOwner {
  #job: AnyJob | null;
  readonly #options: ClaimedJobOptions;
  readonly #around: JobSurroundings;
  #run: ActiveRun | null = null;
  #loss: Promise<Loss | null> | null = null;
  #closing = false;
  #storing = false;
  #progressRefused = false;
  /** Number of changes that were sent with different keys. */
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
    // A change in progress finds out by itself, and it may be this change that ended the lease.
    if (!this.#storing) void this.#lose();
  }

  /** Aborts the run, because the worker closes. */
  close(reason: QueueError): void {
    this.#closing = true;
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
    const { outages } = this.#around;
    const admission = this.#options.owner.admit();
    if (admission !== null) await admission;
    if (this.#around.isClosing) return this.#endLease();
    if (this.#loss !== null && (await this.#loss) !== null) return { kind: "lost", overdue: false };
    for (let job = this.#job; job !== null; ) {
      const run = this.#createRun(job);
      this.#run = run;
      this.#emit({ type: "started", message: `Job ${job.id} started, attempt ${run.attempt}.` });
      const result = await run.start();
      const overdue = result.kind === "overdue";
      if (this.#loss !== null && (await this.#loss) !== null) return { kind: "lost", overdue };
      if (this.#closing && isUnfinished(result)) return this.#endLease();
      const ending = this.#endingOf(result, run);
      const { error } = ending;
      if (result.kind !== "threw" || !isOutage(error) || error === run.reason) return this.#store(ending);
      try {
        if (!(await outages.wasInterrupted(run.startedAt))) return await this.#store(ending);
        await outages.restored();
        job = await this.#renew(job);
      } catch (stopped) {
        if (!(stopped instanceof CallStopped)) throw stopped;
        return this.#endLease();
      }
    }
    return { kind: "lost", overdue: false };
  }

  #createRun(job: AnyJob): ActiveRun {
    const { settings } = this.#around;
    const { claim, payload, item } = this.#options;
    const { envelope, redelivered } = item.delivery;
    const { failedAttempts } = claim;
    const options = {
      job,
      envelope,
      payload,
      redelivered,
      attempt: failedAttempts + 1,
      lastAttempt: failedAttempts >= settings.queue.retryDelaysMs.length,
      owner: this,
    };
    return new ActiveRun(options, this.#around);
  }

  #endingOf(result: RunResult, run: ActiveRun): Ending {
    const { settings } = this.#around;
    if (result.kind === "returned") return endingOfValue(result.value, settings);
    const error = result.kind === "threw" ? result.error : run.reason;
    return endingOfError(error, this.#options.claim.failedAttempts, settings);
  }

  /** Renews the lease for another run. Returns the job with its stored progress; null if it was changed by someone else. */
  async #renew(job: AnyJob): Promise<AnyJob | null> {
    const { calls, settings } = this.#around;
    const { store, leaseMs } = settings;
    const [renewed] = await calls.repeat(() => store.renewLeases([job], leaseMs));
    const stored = renewed === true ? await calls.repeat(() => store.get(job.id)) : null;
    if (stored?.version !== job.version) {
      await this.#lose();
      return null;
    }
    this.#job = stored;
    return stored;
  }

  /** Stores the end of the run. */
  async #store(ending: Ending): Promise<JobEnd> {
    const { calls, settings } = this.#around;
    const { store } = settings;
    const job = this.#job ?? this.#options.claim.job;
    this.#storing = true;
    const change = this.#complete(ending);
    if (ending.pause !== undefined) await this.#pauseQueue(ending.pause);
    const send = () => calls.repeat(() => store.updateStatus(job, ending.to, change));
    try {
      const call = this.#run === null ? send() : this.#run.inTrace(send);
      this.#options.owner.outcomeSent();
      await call;
    } catch (error) {
      if (error instanceof CallStopped) throw error;
      if (isLoss(error)) {
        await this.#lose();
        return { kind: "lost", overdue: this.running };
      }
      const unreadable = JobStoreError.is(error, "UNREADABLE_RECORD");
      if (!unreadable) return this.#storeRefused(error, ending, change);
      if (error.committed !== true) return { kind: "refused", error };
    }
    const { event: type, to, text, error } = ending;
    this.#emit({ type, message: `Job ${job.id} ${text}`, to, ...(error !== undefined && { error }) });
    return { kind: "stored" };
  }

  /** Pauses the queue before the outcome frees the slot, so that this worker does not claim the next job. */
  async #pauseQueue({ until, reason }: NonNullable<Ending["pause"]>): Promise<void> {
    const { calls, settings } = this.#around;
    const { store, queue, by } = settings;
    try {
      await calls.repeat(() => store.pauseQueue(queue.name, { until, reason, by, unlessLonger: true }));
    } catch (error) {
      if (error instanceof CallStopped) throw error;
      const message = `The queue "${queue.name}" could not be paused, so its other jobs can start.`;
      this.#emit({ type: "error", message, error });
    }
  }

  /** Stores the outcome without the reported progress, or the failure, after the store refused the contents of an outcome. */
  async #storeRefused(error: unknown, ending: Ending, change: WorkerChange): Promise<JobEnd> {
    if (change.progress !== undefined && ending.change.progress === undefined) {
      this.progressRefused(error);
      this.#progressRefused = true;
      return this.#store(ending);
    }
    const refusal = endingOfRefusal(error, this.#around.settings);
    if (ending.change.error?.code === refusal.change.error?.code) return { kind: "refused", error };
    return this.#store(refusal);
  }

  /** Completes a change: its author, its key, the messages that it handles, and the last reported progress. */
  #complete({ change }: Ending): WorkerChange {
    const progress = this.#progressRefused ? undefined : this.#run?.unstoredProgress;
    return {
      ...(progress !== undefined && { progress }),
      ...change,
      by: this.#around.settings.by,
      key: `${this.#options.key}.${this.#changes++}`,
      handled: true,
      [WITHOUT_JOB]: true,
    };
  }

  /** Finds out who changed the job, reports it, and aborts the run. Resolves to null if the worker closes first. */
  #lose(): Promise<Loss | null> {
    this.#loss ??= this.#describeLoss();
    return this.#loss;
  }

  async #describeLoss(): Promise<Loss | null> {
    const { calls, settings, blockedMs } = this.#around;
    try {
      const loss = await describeLoss(this.#options.claim.job, settings.store, calls);
      this.#emit({ type: "lost", message: loss.error.message, ...loss.event, blockedMs });
      this.#run?.abort(loss.error, ABORT_GRACE_MS);
      return loss;
    } catch (error) {
      if (!(error instanceof CallStopped)) this.#emit({ type: "error", message: "A lost job cannot be read.", error });
      return null;
    }
  }

  /** Ends the lease, so that the store sends the message again at once. */
  async #endLease(): Promise<JobEnd> {
    const { calls, settings } = this.#around;
    const job = this.#job ?? this.#options.claim.job;
    this.#job = null;
    const caller = {};
    const ended = await calls.once(caller, () => settings.store.renewLeases([job], 0));
    calls.forget(caller);
    return { kind: "released", leaseEnded: ended?.[0] === true };
  }

  progressRefused(error: unknown): void {
    this.#emit({ type: "error", message: "The store refused a reported progress. The job continues.", error });
  }

  runStuck(): void {
    const message = `The work on job ${this.#options.claim.job.id} ignores its aborted signal and occupies a slot.`;
    this.#emit({ type: "stuck", message });
  }

  runEndedLate(): void {
    this.#options.owner.runEndedLate();
  }

  #emit(event: WorkerEvent): void {
    const { claim, item } = this.#options;
    const run = this.#run;
    this.#around.settings.emit({
      jobId: claim.job.id,
      messageId: item.delivery.envelope.id,
      attempt: claim.failedAttempts + 1,
      ...(run !== null && event.type !== "started" && { runMs: run.durationMs }),
      ...event,
    });
  }
}

/** Returns true if the work has neither an outcome nor a decision about the job. */
function isUnfinished(result: RunResult): boolean {
  if (result.kind === "threw") return !JobFailed.is(result.error) && !RetryLater.is(result.error);
  return result.kind === "overdue";
}
