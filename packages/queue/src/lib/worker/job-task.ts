import type { QueueError } from "../errors.js";
import { type ClaimSurroundings, claimJob, type WorkItem } from "./claim.js";
import { ClaimedJob, type ClaimOwner, type JobEnd, type JobSurroundings } from "./claimed-job.js";
import { failRequestOf } from "./failed-requests.js";
import { failureText } from "./failure-text.js";
import type { LeaseHolder } from "./heartbeat.js";
import type { FailureCode } from "./outcomes.js";
import type { RecentAcknowledgements } from "./recent-acknowledgements.js";
import { POSTPONED_MS, type Request, readMessage } from "./request.js";
import { CallStopped } from "./store-calls.js";
import type { WorkerEvent } from "./types.js";
import type { AnyJob, PauseAnswer } from "./worker-store.js";

/** Parts of a worker that its tasks use. */
export interface TaskSurroundings extends ClaimSurroundings, JobSurroundings {
  readonly recent: RecentAcknowledgements;
}

/** Functions of the worker that a task calls. */
export interface TaskHooks {
  /** Called when the job is claimed. Resolves when its run may start; null: at once. */
  readonly admit: (task: JobTask) => Promise<void> | null;
  /** Called when the outcome was sent to the store, and is not stored yet. */
  readonly onStoring: (task: JobTask) => void;
  /** Called once, when the task occupies no slot any more: no run is active, and nothing but the end of calls is left to do. */
  readonly onSlotFree: (task: JobTask) => void;
  /** Called when the message is settled. A run that ignores its signal can still occupy the slot. */
  readonly onEnd: (task: JobTask) => void;
  /** Called if the queue is paused. The task returns its message. */
  readonly onPaused: (pause: PauseAnswer) => void;
  /** Looks at the message again. */
  readonly lookAgain: (item: WorkItem) => void;
}

/** Work on one message: claims its job, lets it run, and settles the delivery. */
export class JobTask implements LeaseHolder, ClaimOwner {
  readonly #item: WorkItem;
  readonly #around: TaskSurroundings;
  readonly #hooks: TaskHooks;
  #claimed: ClaimedJob | null = null;
  #slotFree = false;

  constructor(item: WorkItem, around: TaskSurroundings, hooks: TaskHooks) {
    this.#item = item;
    this.#around = around;
    this.#hooks = hooks;
  }

  get job(): AnyJob | null {
    return this.#claimed?.job ?? null;
  }

  /** True while a run has not settled. */
  get running(): boolean {
    return this.#claimed?.running ?? false;
  }

  leaseLost(): void {
    this.#claimed?.leaseLost();
  }

  close(reason: QueueError): void {
    this.#claimed?.close(reason);
  }

  expire(): void {
    this.#claimed?.expire();
  }

  admit(): Promise<void> | null {
    return this.#hooks.admit(this);
  }

  outcomeSent(): void {
    this.#hooks.onStoring(this);
    this.#freeSlot();
  }

  runEndedLate(): void {
    this.#freeSlot();
  }

  /** Works on the message. Never rejects. */
  async work(): Promise<void> {
    try {
      const message = readMessage(this.#around.settings, this.#item.delivery.envelope);
      if (message.kind === "unreadable") await this.#endUnreadable(message.problem);
      else if (message.kind === "request") await this.#claim(message.request);
      else this.#postpone(message.waitMs);
    } catch (error) {
      await this.#failed(error);
    }
    this.#freeSlot();
    this.#hooks.onEnd(this);
  }

  async #failed(error: unknown): Promise<void> {
    if (error instanceof CallStopped) {
      await returnItem(this.#item).catch((problem: unknown) => {
        this.#emit({ type: "error", message: "A message cannot be returned to its queue.", error: problem });
      });
      return;
    }
    this.#emit({
      type: "error",
      message: "The worker failed unexpectedly. It looks at the message again later.",
      error,
    });
    this.#postpone(POSTPONED_MS);
  }

  async #claim(request: Request): Promise<void> {
    const { jobId } = request;
    const reply = await claimJob(this.#item, request, this.#around);
    if (reply.kind === "skipped") {
      this.#emit({
        type: "skipped",
        message: `The message was acknowledged without work: ${reply.reason}.`,
        jobId,
        reason: reply.reason,
      });
      this.#acknowledge(this.#item.origin);
      return;
    }
    if (reply.kind === "paused") {
      this.#hooks.onPaused(reply);
      await returnItem(this.#item);
      return;
    }
    if (reply.kind === "refused") {
      await this.#deadLetter(reply.error.message, jobId, reply.error);
      return;
    }
    const { claim, key, thrown } = reply;
    const claimed = new ClaimedJob(
      { claim, key, payload: request.payload, item: this.#item, owner: this },
      this.#around,
    );
    this.#claimed = claimed;
    await this.#settle(await claimed.work(thrown), jobId, claim.origin);
  }

  /** Settles the delivery after the work on the job. @param origin origin of the claim, for another look at the message */
  async #settle(end: JobEnd, jobId: string, origin: string): Promise<void> {
    const { delivery } = this.#item;
    switch (end.kind) {
      case "stored":
        this.#acknowledge(origin);
        return;
      case "lost":
        // The run occupies the slot. Another worker may look at the message during this time.
        if (end.overdue) await delivery.sendAgain(origin);
        else this.#hooks.lookAgain({ delivery, origin });
        return;
      case "released":
        if (end.leaseEnded) delivery.acknowledge();
        else delivery.giveBack();
        return;
      case "refused":
        await this.#deadLetter(failureText(end.error), jobId, end.error);
        return;
    }
  }

  /** Fails the job of a message that cannot be read, if it has stored the message, and dead-letters the message. */
  async #endUnreadable(problem: string): Promise<void> {
    const { settings, calls } = this.#around;
    const { envelope } = this.#item.delivery;
    const error = { message: problem, code: "INVALID_PAYLOAD" satisfies FailureCode, retryable: false };
    const failed = await failRequestOf(envelope, error, settings, calls);
    if (failed.kind === "leased") {
      this.#postpone(POSTPONED_MS);
      return;
    }
    if (failed.kind === "failed" && failed.jobId !== null) {
      this.#emit({
        type: "failed",
        message: `Job ${failed.jobId} failed: ${problem}`,
        jobId: failed.jobId,
        to: settings.failed,
      });
    }
    await this.#deadLetter(problem, failed.jobId, undefined);
  }

  /** Postpones the message. Does not wait for that, because it can take as long as the message waits. */
  #postpone(waitMs: number): void {
    this.#item.delivery.postpone(waitMs).catch((error: unknown) => {
      this.#emit({ type: "error", message: "A message cannot be postponed.", error });
    });
  }

  async #deadLetter(reason: string, jobId: string | null, error: unknown): Promise<void> {
    this.#freeSlot();
    if (!(await this.#item.delivery.deadLetter(reason))) return;
    this.#emit({
      type: "error",
      message: `The message was dead-lettered. ${reason}`,
      ...(jobId !== null && { jobId }),
      ...(error !== undefined && { error }),
    });
  }

  #acknowledge(origin: string | undefined): void {
    const { delivery } = this.#item;
    this.#around.recent.add(delivery.envelope, origin);
    delivery.acknowledge();
  }

  #freeSlot(): void {
    if (this.#slotFree || this.running) return;
    this.#slotFree = true;
    this.#hooks.onSlotFree(this);
  }

  #emit(event: WorkerEvent): void {
    this.#around.settings.emit({ messageId: this.#item.delivery.envelope.id, ...event });
  }
}

/** Makes a message available to all workers again, without use of the delivery limit. */
export async function returnItem({ delivery, origin }: WorkItem): Promise<void> {
  if (origin !== undefined && origin !== delivery.envelope.origin) await delivery.sendAgain(origin);
  else delivery.giveBack();
}
