import type { Answer, QueueShape } from "../driver.js";
import type { Outbound } from "./wire.js";

/** A message on its way out, until its publisher has an answer. */
export class Outgoing {
  /** At least once, so that it may be stored although no confirm came. */
  sent = false;
  /** Was under way when the broker closed the channel over some message: sent alone from now on. */
  suspect = false;
  /** The broker had no queue for it, and will confirm it all the same. */
  returned = false;
  readonly answer: Promise<Answer>;
  #answered = false;
  #resolve: (answer: Answer) => void = () => {};

  constructor(
    readonly queue: QueueShape,
    /** The name of the queue on the broker. */
    readonly target: string,
    readonly envelope: Outbound,
    readonly onAnswer: (outgoing: Outgoing) => void,
  ) {
    this.answer = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** Only the first answer counts. */
  settle(answer: Answer): void {
    this.#answered = true;
    this.#resolve(answer);
    this.onAnswer(this);
  }

  fail(failure: "unavailable" | "timeout", reason: string): void {
    this.settle({ ok: false, failure, reason, indeterminate: this.sent });
  }
}
