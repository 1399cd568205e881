import type { DeadLetterVisitor, Envelope } from "../driver.js";
import { toError } from "../failures.js";
import { unref } from "../timers.js";
import { failRequestOf } from "./failed-requests.js";
import type { WorkerSettings } from "./options.js";
import type { FailureCode } from "./outcomes.js";
import { CallStopped, type StoreCalls } from "./store-calls.js";

/** Maximum number of dead letters that are examined at the same time. */
const CONCURRENCY = 16;
/** Maximum number of foreign dead letters that are remembered. */
const MAX_FOREIGN = 10_000;

/**
 * Search for messages that the broker dead-lettered by itself: no worker could fail the job. It fails these jobs and discards their
 * dead letters. Dead letters that a consumer or a worker stored are left in the queue, and so are foreign ones: those of another job
 * or of an earlier run. Each search examines the others again, because the lease of their job can have ended.
 *
 * The workers of a queue do not exclude each other. The broker delivers each dead letter to one search at a time, and `failRequest`
 * fails a job only once, so two searches at the same time do no harm.
 */
export class DeadLetterSearch {
  readonly #settings: WorkerSettings;
  readonly #calls: StoreCalls;
  /** Foreign dead letters of the latest search. They stay foreign, so the next search does not examine them. */
  #foreign: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(settings: WorkerSettings, calls: StoreCalls) {
    this.#settings = settings;
    this.#calls = calls;
  }

  start(): void {
    // The first search begins at a random time, so that the workers of many processes do not search at the same time.
    if (this.#settings.recoverEveryMs > 0) this.#schedule(Math.random() * this.#settings.recoverEveryMs);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #schedule(afterMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#search(), afterMs);
    unref(this.#timer);
  }

  async #search(): Promise<void> {
    const { access, queue, emit, recoverEveryMs } = this.#settings;
    const foreign = new Set<string>();
    const visit: DeadLetterVisitor = (letter) => this.#visit(letter, foreign);
    const result = await access.session.visitDead(queue, visit, { concurrency: CONCURRENCY });
    if (result.ok) this.#foreign = foreign;
    // An unavailable broker is reported by the consumer of the queue.
    if (!result.ok && result.failure !== "unavailable" && result.failure !== "timeout" && result.failure !== "closed") {
      const error = toError(result, { queue: queue.name });
      emit({ type: "error", message: `The dead letters cannot be searched. ${error.message}`, error });
    }
    this.#schedule(recoverEveryMs);
  }

  /** Examines a dead letter. @param foreign receives the foreign dead letters of this search */
  async #visit(letter: Envelope, foreign: Set<string>): ReturnType<DeadLetterVisitor> {
    if (this.#stopped) return "stop";
    if (letter.death?.byBroker !== true) return "keep";
    const identity = JSON.stringify([letter.id, letter.origin]);
    if (this.#foreign.has(identity)) {
      foreign.add(identity);
      return "keep";
    }
    const { emit } = this.#settings;
    const error = { message: letter.death.reason, code: "DEAD_LETTERED" satisfies FailureCode, retryable: true };
    try {
      const { kind, jobId } = await failRequestOf(letter, error, this.#settings, this.#calls);
      if (kind === "foreign" && foreign.size < MAX_FOREIGN) foreign.add(identity);
      if (kind !== "failed" && kind !== "settled") return "keep";
      const message =
        kind === "failed"
          ? `Job ${jobId} failed, because its message was dead-lettered by the broker. The dead letter is discarded.`
          : `A dead letter is discarded, because job ${jobId} does not need it any more.`;
      emit({ type: "recovered", message, messageId: letter.id, ...(jobId !== null && { jobId }) });
      return "remove";
    } catch (problem) {
      if (!(problem instanceof CallStopped)) {
        emit({ type: "error", message: "A dead letter cannot be examined.", messageId: letter.id, error: problem });
      }
      return "stop";
    }
  }
}
