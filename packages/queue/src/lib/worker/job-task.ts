import { JobStoreError } from "@subtitles/job-store";
import { VERSION_HEADER, versionOf } from "../definition.js";
import type { SourceDelivery } from "../delivery-source.js";
import { QueueError } from "../errors.js";
import { ABORT_GRACE_MS, ActiveRun, type RunResult, type RunSurroundings } from "./active-run.js";
import { failUnreadable } from "./failed-requests.js";
import type { LeaseHolder } from "./heartbeat.js";
import { describeLoss } from "./loss.js";
import { type Ending, endingOfError, endingOfLostWorkers, endingOfRefusal, endingOfValue } from "./outcomes.js";
import { isLoss } from "./progress-writer.js";
import type { RecentAcknowledgements } from "./recent-acknowledgements.js";
import { type ReadRequest, readRequest } from "./request.js";
import { CallStopped } from "./store-calls.js";
import type { WorkerEvent } from "./types.js";
import type { AnyJob, Claimed } from "./worker-store.js";

/** Number of leases of workers that end at their time until the job fails. */
const MAX_LOST_WORKERS = 5;
/** Time for which a message waits that cannot be examined now. */
const POSTPONED_MS = 10_000;
/** Time between two checks if the broker is available again. */
const BROKER_CHECK_MS = 500;
/** Time that an aborted run has to return an outcome while the worker closes. */
export const CLOSE_GRACE_MS = 1_000;

/** Message to look at. */
export interface WorkItem {
  readonly delivery: SourceDelivery;
  /** Origin with which the worker looks at the message: its own, or that of an earlier claim. */
  readonly origin: string | undefined;
}

/** Parts that all tasks of a worker share. */
export interface TaskSurroundings extends RunSurroundings {
  readonly recent: RecentAcknowledgements;
  /** True when no further job may be claimed. */
  readonly isClosing: boolean;
  readonly blockedMs: number;
  createKey(): string;
  pause(ms: number): Promise<void>;
}

/** Functions of the worker that a task calls. */
export interface TaskHooks {
  /** Called when the outcome was sent to the store. */
  onStoring(): void;
  /** Called when the task occupies no slot any more: its outcome was sent, and its run has settled. */
  onSlotFree(): void;
  /** Called when the task is over, except for a run that ignores its signal. */
  onEnd(): void;
  /** Looks at the message again. */
  lookAgain(item: WorkItem): void;
}

/** Work on one message: claims its job, runs it, stores the outcome and settles the delivery. */
export class JobTask implements LeaseHolder {
  job: AnyJob | null = null;
  readonly #item: WorkItem;
  readonly #around: TaskSurroundings;
  readonly #hooks: TaskHooks;
  #claim: (Claimed & { readonly key: string }) | null = null;
  #run: ActiveRun | null = null;
  #lost = false;
  #slotFree = false;
  /** True when the worker no longer waits for `run`. */
  #closed = false;

  constructor(item: WorkItem, around: TaskSurroundings, hooks: TaskHooks) {
    this.#item = item;
    this.#around = around;
    this.#hooks = hooks;
  }

  /** True while `run` has not settled. */
  get running(): boolean {
    return this.#run !== null && !this.#run.settled;
  }

  /** Works on the message. Never rejects. */
  async work(): Promise<void> {
    const { delivery } = this.#item;
    try {
      await this.#work();
    } catch (error) {
      if (error instanceof CallStopped) await this.returnMessage();
      else {
        this.#emit({ type: "error", message: "The worker failed unexpectedly. The message is delivered again later.", error });
        await delivery.postpone(POSTPONED_MS);
      }
    } finally {
      this.job = null;
      this.#freeSlot();
      this.#hooks.onEnd();
    }
  }

  /** Makes the message available to other workers. */
  async returnMessage(): Promise<void> {
    const { delivery, origin } = this.#item;
    if (origin !== undefined && origin !== delivery.envelope.origin) await delivery.sendAgain(origin);
    else delivery.giveBack();
  }

  /** Aborts the run, because the worker closes. */
  close(reason: QueueError): void {
    this.#closed = true;
    if (this.#run === null) return;
    this.#run.abort(reason, CLOSE_GRACE_MS);
  }

  /** Ends the wait for a run that was aborted. */
  expire(): void {
    this.#run?.expire();
  }

  async #work(): Promise<void> {
    const { delivery } = this.#item;
    const request = readRequest(this.#around.settings, delivery.envelope);
    if (request.kind === "newer") {
      await delivery.postpone(POSTPONED_MS);
      return;
    }
    if (request.kind === "unreadable") {
      await this.#deadLetterUnreadable(request.problem);
      return;
    }
    const readyError = await this.#claimJob(request);
    if (this.#claim === null) return;
    const { failedAttempts, expiredLeases } = this.#claim;
    if (expiredLeases >= MAX_LOST_WORKERS) {
      await this.#store(endingOfLostWorkers(expiredLeases, this.#around.settings));
      return;
    }
    await this.#runJob(request, failedAttempts, readyError);
  }

  /** Claims the job, or settles the delivery. Returns the error of `ready`, if it threw one. */
  async #claimJob({ jobId, payload }: ReadRequest & { kind: "request" }): Promise<{ readonly error: unknown } | null> {
    const { settings, calls } = this.#around;
    const { store, queue, from, working, leaseMs, by } = settings;
    const { delivery, origin } = this.#item;
    const { id, headers, version } = delivery.envelope;
    const isNeeded = () => !this.#around.isClosing;
    // Sent again as it was received. With an older version, the payload was converted.
    const message = {
      queue: queue.name,
      id,
      payload: version === versionOf(queue) ? payload : JSON.parse(delivery.envelope.body),
      headers: version === 1 ? headers : { ...headers, [VERSION_HEADER]: String(version) },
      ...(origin !== undefined && { origin }),
    };
    for (;;) {
      const ready = await this.#askReady(jobId);
      if (ready === "skip") return null;
      if (this.#around.isClosing) throw new CallStopped();
      const key = this.#around.createKey();
      const options = { from, leaseMs, key, message, ifVersion: ready.version, by };
      try {
        const answer = await calls.repeat(() => store.claim(jobId, working, options), isNeeded);
        if (answer.kind === "changed") continue;
        if (answer.kind !== "claimed") {
          this.#skip(answer.kind, jobId);
          return null;
        }
        this.#claim = { ...answer, key };
        this.job = answer.job;
        return ready.error;
      } catch (error) {
        if (error instanceof CallStopped || !JobStoreError.is(error)) throw error;
        // The record of the job cannot be read, or the message names no possible id.
        await this.#deadLetter(error.message, error);
        return null;
      }
    }
  }

  /** Asks `ready` if the job is in a status in `from`. */
  async #askReady(
    jobId: string,
  ): Promise<"skip" | { readonly version: number | undefined; readonly error: { readonly error: unknown } | null }> {
    const { settings, calls } = this.#around;
    const { ready, store, from } = settings;
    if (ready === undefined) return { version: undefined, error: null };
    for (;;) {
      const startedAt = performance.now();
      const job = await calls.repeat(() => store.get(jobId), () => !this.#around.isClosing);
      if (job === null) {
        this.#skip("missing", jobId);
        return "skip";
      }
      if (!from.includes(job.status)) return { version: job.version, error: null };
      try {
        if (await ready(job)) return { version: job.version, error: null };
        this.#skip("not ready", jobId);
        return "skip";
      } catch (error) {
        if (!(await this.#wasOutage(error, startedAt))) return { version: job.version, error: { error } };
      }
    }
  }

  /** Runs the job until it has a result, and stores it. */
  async #runJob(
    { payload }: ReadRequest & { kind: "request" },
    failedAttempts: number,
    readyError: { readonly error: unknown } | null,
  ): Promise<void> {
    const { settings } = this.#around;
    const attempt = failedAttempts + 1;
    const lastAttempt = failedAttempts >= settings.queue.retryDelaysMs.length;
    const { envelope, redelivered } = this.#item.delivery;
    for (let job = this.job; job !== null; ) {
      const result = await this.#call(readyError, () => {
        const onLost = () => void this.leaseLost();
        const onStuck = () => this.#emit({ type: "stuck", message: `The work on job ${job?.id} ignores its aborted signal and occupies a slot.` });
        const onRefusedProgress = (error: unknown) =>
          this.#emit({ type: "error", message: "The store refused a reported progress. The job continues.", error });
        const onLateEnd = () => this.#freeSlot();
        const callbacks = { onLost, onStuck, onRefusedProgress, onLateEnd };
        return new ActiveRun({ job, envelope, payload, redelivered, attempt, lastAttempt, ...callbacks }, this.#around);
      });
      if (this.#lost) {
        await this.#endLost(result);
        return;
      }
    }
  }
}
