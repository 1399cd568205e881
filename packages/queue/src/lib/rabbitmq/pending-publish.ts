import type { QueueConfig, Result } from "../driver.js";
import type { OutgoingEnvelope } from "./amqp-message.js";

/** Message that is being published, until its result is known. */
export class PendingPublish {
  /** True if the message was sent at least once. It may then be stored although no confirm arrived. */
  sent = false;
  /** True if the message was in flight when the broker closed the channel because of an invalid message. It is then sent alone. */
  suspect = false;
  /** True if the broker returned the message as unroutable. A confirm follows. */
  returned = false;
  readonly result: Promise<Result>;
  #finished = false;
  #resolve: (result: Result) => void = () => {};

  constructor(
    readonly queue: QueueConfig,
    /** Name of the queue on the broker. */
    readonly target: string,
    readonly envelope: OutgoingEnvelope,
    readonly onFinished: (publish: PendingPublish) => void,
  ) {
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Sets the result. Only the first result counts. */
  finish(result: Result): void {
    this.#finished = true;
    this.#resolve(result);
    this.onFinished(this);
  }

  fail(failure: "unavailable" | "timeout", reason: string): void {
    this.finish({ ok: false, failure, reason, indeterminate: this.sent });
  }
}

/**
 * Applies the same time limit to many items with a single timer. The limit is the same for all items, so they expire in the order
 * of insertion. A timer per message would use more memory and time than the rest of its bookkeeping.
 */
export class Deadlines<T> {
  readonly #limitMs: number;
  readonly #onExpired: (item: T) => void;
  /** Deadline of each item, the earliest first. */
  readonly #deadlines = new Map<T, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, onExpired: (item: T) => void) {
    this.#limitMs = limitMs;
    this.#onExpired = onExpired;
  }

  add(item: T): void {
    this.#deadlines.set(item, performance.now() + this.#limitMs);
    if (this.#timer === undefined) this.#startTimer(this.#limitMs);
    else if (this.#deadlines.size === 1) this.#timer.ref();
  }

  delete(item: T): void {
    // Without items, the timer must not keep the process alive.
    if (this.#deadlines.delete(item) && this.#deadlines.size === 0) this.#timer?.unref();
  }

  #startTimer(ms: number): void {
    this.#timer = setTimeout(() => this.#expire(), ms);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [item, deadline] of this.#deadlines) {
      if (deadline > now) {
        this.#startTimer(Math.ceil(deadline - now));
        return;
      }
      this.#deadlines.delete(item);
      this.#onExpired(item);
    }
  }
}
