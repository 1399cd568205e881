import { checkKeys, type KeysOf, show } from "./arguments.js";
import type { Suppression } from "./dedupe.js";
import type { QueueDefinition } from "./definition.js";
import type { Delivery } from "./driver.js";
import { QueueError } from "./errors.js";
import { isError } from "./is-error.js";
import type { Handler, Message } from "./message.js";
import { unref } from "./pause.js";
import { decodePayload } from "./payload.js";
import { deadLetter, isLastAttempt, type Outcome, outcomeOf, retry, type Verdict } from "./verdict.js";
import { within } from "./within.js";

export interface HandlingSettings {
  readonly timeoutMs: number | undefined;
  readonly suppression: Suppression | undefined;
}

/** A message whose handler runs here. It outlives the delivery that brought it: see `delivery`. */
export class Handling<Q extends QueueDefinition> {
  #delivery: Delivery;
  #wake: () => void = () => {};
  #settled = false;
  #recalled = false;
  readonly #abort = new AbortController();
  readonly #queue: Q;
  readonly #handler: Handler<Q>;
  /** Settles with the handler itself, however long that takes. */
  finished: Promise<void> = Promise.resolve();

  constructor(queue: Q, handler: Handler<Q>, delivery: Delivery) {
    this.#queue = queue;
    this.#handler = handler;
    this.#delivery = delivery;
  }

  /** The latest delivery of this message: after a reconnect, the redelivery takes the place of the lost one. */
  get delivery(): Delivery {
    return this.#delivery;
  }

  /** Its outcome has been applied. A handler that was aborted may still be running. */
  get settled(): boolean {
    return this.#settled;
  }

  settle(how: "ack" | "release"): void {
    // First, since a broker in this process may deliver again before it returns.
    this.#settled = true;
    this.#delivery.settle(how);
  }

  adopt(redelivery: Delivery): void {
    this.#delivery = redelivery;
    this.#wake();
  }

  get recalled(): boolean {
    return this.#recalled;
  }

  /** Resolves after `ms` milliseconds, or when the handler is recalled. The process may end before that. */
  async pause(ms: number): Promise<void> {
    if (this.#recalled) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      unref(timer);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Settles once the message is in our hands again, or is not expected back. */
  async adopted(): Promise<void> {
    if (this.#delivery.live || this.#recalled) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Tells the handler to end: the consumer closes, or the message went elsewhere. What it throws then is no failure. */
  recall(reason: QueueError): void {
    this.#recalled = true;
    this.#abort.abort(reason);
    this.#wake();
  }

  /** Whether this redelivery brings the message back that the handler is still at work on. */
  continues(redelivery: Delivery): boolean {
    const { id, attempt } = this.delivery.envelope;
    return (
      redelivery.redelivered &&
      !this.#settled &&
      !this.delivery.live &&
      redelivery.envelope.id === id &&
      redelivery.envelope.attempt === attempt
    );
  }

  /** Runs the handler and decides. Answers as soon as the decision stands: at the time limit, if that comes first. */
  async decide({ timeoutMs, suppression }: HandlingSettings, report: (error: unknown) => void): Promise<Outcome> {
    const { envelope, redelivered } = this.delivery;
    const queue = this.#queue;
    const decoded = decodePayload(queue, envelope);
    if ("fault" in decoded) {
      const about = { queue: queue.name, messageId: envelope.id };
      report(
        new QueueError(
          "INVALID_PAYLOAD",
          `A message of queue "${queue.name}" was dead-lettered. ${decoded.fault}`,
          about,
        ),
      );
      return { kind: "deadLetter", reason: decoded.fault };
    }
    const message: Message<Q> = {
      id: envelope.id,
      payload: decoded.payload,
      attempt: envelope.attempt,
      lastAttempt: isLastAttempt(queue, envelope.attempt),
      redelivered,
      publishedAt: new Date(envelope.publishedAt),
      headers: envelope.headers,
      signal: this.#abort.signal,
    };
    const work = () => this.#attempt(message, timeoutMs, report);
    return suppression === undefined ? work() : suppression.once(message.id, work, report);
  }

  async #attempt(
    message: Message<Q>,
    timeoutMs: number | undefined,
    report: (error: unknown) => void,
  ): Promise<Outcome> {
    // While it was asked whether the message is a duplicate.
    if (this.#recalled) return { kind: "release" };
    try {
      const verdict = await this.#run(message, timeoutMs);
      return outcomeOf(this.#queue, message.attempt, verdict);
    } catch (error) {
      if (this.#recalled) return { kind: "release" };
      report(error);
      return outcomeOf(this.#queue, message.attempt, { kind: "retry", reason: reasonOf(error) });
    }
  }

  async #run(message: Message<Q>, timeoutMs: number | undefined): Promise<Verdict | undefined> {
    const handled = (async () => this.#handler(message))();
    this.finished = handled.then(
      () => undefined,
      () => undefined,
    );
    const overdue = () => {
      const about = { queue: this.#queue.name, messageId: message.id };
      const error = new QueueError("TIMEOUT", `The handler ran longer than ${timeoutMs} ms.`, about);
      this.#abort.abort(error);
      return error;
    };
    const verdict = await within(handled, timeoutMs ?? Number.POSITIVE_INFINITY, overdue);
    return isVerdict(verdict) ? readVerdict(verdict) : undefined;
  }
}

function isVerdict(value: unknown): value is Verdict {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    (value.kind === "retry" || value.kind === "deadLetter")
  );
}

const VERDICT_KEYS: KeysOf<Verdict> = { kind: true, afterMs: true, reason: true };

/** One that was made by hand may hold anything. */
function readVerdict(verdict: Verdict): Verdict {
  checkKeys(verdict, VERDICT_KEYS, "A verdict");
  if (verdict.kind === "deadLetter") return deadLetter(verdict.reason);
  return retry({ afterMs: verdict.afterMs, reason: verdict.reason });
}

/** Anything can be thrown, also what refuses to become a string. */
function reasonOf(error: unknown): string {
  if (typeof error === "string") return error;
  try {
    const words: unknown = isError(error) ? error.message || error.name : error;
    return typeof words === "string" ? words : show(words);
  } catch {
    return "It threw what cannot be read.";
  }
}
