import { show } from "./arguments.js";
import type { Deduplicator } from "./dedupe.js";
import type { QueueDefinition } from "./definition.js";
import type { Delivery } from "./driver.js";
import { isError, QueueError } from "./errors.js";
import { decodePayload } from "./payload.js";
import { isLastAttempt, type MessageHandle, type Outcome, outcomeOf, readVerdict } from "./settlement.js";
import { unref, withTimeout } from "./timers.js";
import type { Handler, Message, Verdict } from "./types.js";

export interface HandlingOptions {
  readonly timeoutMs: number | undefined;
  readonly deduplicator: Deduplicator | undefined;
}

/** Message whose handler runs in this process. After a reconnect, a redelivery can replace its delivery. */
export class ActiveMessage<Q extends QueueDefinition> implements MessageHandle {
  #delivery: Delivery;
  /** Ends the current wait. */
  #wake: () => void = () => {};
  #settled = false;
  #aborted = false;
  readonly #abortController = new AbortController();
  readonly #queue: Q;
  readonly #handler: Handler<Q>;
  /** Resolves when the handler has ended, which may be after its outcome was applied. */
  finished: Promise<void> = Promise.resolve();

  constructor(queue: Q, handler: Handler<Q>, delivery: Delivery) {
    this.#queue = queue;
    this.#handler = handler;
    this.#delivery = delivery;
  }

  get delivery(): Delivery {
    return this.#delivery;
  }

  /** True if the outcome was applied. An aborted handler may still be running. */
  get settled(): boolean {
    return this.#settled;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  settle(how: "ack" | "release"): void {
    // Set first, because an in-process broker can redeliver the message before `settle` returns.
    this.#settled = true;
    this.#delivery.settle(how);
  }

  /** Returns true if this message lost its connection and `redelivery` contains it. Ids are not unique, so the content is compared. */
  canReattach(redelivery: Delivery): boolean {
    const { id, attempt, body } = this.#delivery.envelope;
    return (
      redelivery.redelivered &&
      !this.#settled &&
      !this.#delivery.live &&
      redelivery.envelope.id === id &&
      redelivery.envelope.attempt === attempt &&
      redelivery.envelope.body === body
    );
  }

  /** Replaces the lost delivery by the redelivery. */
  reattach(redelivery: Delivery): void {
    this.#delivery = redelivery;
    this.#wake();
  }

  async reattached(): Promise<void> {
    if (this.#delivery.live || this.#aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Resolves after `ms` milliseconds, or when the handler is aborted. Does not keep the process alive. */
  async pause(ms: number): Promise<void> {
    if (this.#aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      unref(timer);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Aborts the handler because the consumer closes or the message was lost. An error of the handler is then ignored. */
  abort(reason: QueueError): void {
    this.#aborted = true;
    this.#abortController.abort(reason);
    this.#wake();
  }

  /** Runs the handler and returns the outcome. Returns at the time limit, even if the handler is still running. */
  async handle({ timeoutMs, deduplicator }: HandlingOptions, report: (error: unknown) => void): Promise<Outcome> {
    const { envelope, redelivered } = this.#delivery;
    const queue = this.#queue;
    const decoded = decodePayload(queue, envelope);
    if ("problem" in decoded) {
      const message = `Message "${envelope.id}" of queue "${queue.name}" was dead-lettered. ${decoded.problem}`;
      report(new QueueError("INVALID_PAYLOAD", message, { queue: queue.name, messageId: envelope.id }));
      return { kind: "deadLetter", reason: decoded.problem };
    }
    const message: Message<Q> = {
      id: envelope.id,
      payload: decoded.payload,
      attempt: envelope.attempt,
      lastAttempt: isLastAttempt(queue, envelope.attempt),
      redelivered,
      publishedAt: new Date(envelope.publishedAt),
      headers: envelope.headers,
      signal: this.#abortController.signal,
    };
    const attempt = () => this.#attempt(message, timeoutMs, report);
    return deduplicator === undefined ? attempt() : deduplicator.handleOnce(message.id, attempt, report);
  }

  async #attempt(
    message: Message<Q>,
    timeoutMs: number | undefined,
    report: (error: unknown) => void,
  ): Promise<Outcome> {
    // The consumer may have closed during the call of the dedupe store.
    if (this.#aborted) return { kind: "release" };
    try {
      const verdict = await this.#runHandler(message, timeoutMs);
      return outcomeOf(this.#queue, message.attempt, verdict);
    } catch (error) {
      if (this.#aborted) return { kind: "release" };
      report(error);
      return outcomeOf(this.#queue, message.attempt, { kind: "retry", reason: reasonOf(error) });
    }
  }

  async #runHandler(message: Message<Q>, timeoutMs: number | undefined): Promise<Verdict | undefined> {
    const handled = (async () => this.#handler(message))();
    this.finished = handled.then(
      () => undefined,
      () => undefined,
    );
    const onTimeout = () => {
      const queue = this.#queue.name;
      const text = `Handler timeout: message "${message.id}" of queue "${queue}" was not handled within ${timeoutMs} ms (timeoutMs).`;
      const error = new QueueError("TIMEOUT", text, { queue, messageId: message.id });
      this.#abortController.abort(error);
      return error;
    };
    return readVerdict(await withTimeout(handled, timeoutMs ?? Number.POSITIVE_INFINITY, onTimeout));
  }
}

/** Returns the reason of a failed attempt. A handler can throw any value, also one that cannot be converted to a string. */
function reasonOf(error: unknown): string {
  if (typeof error === "string") return error;
  try {
    const text: unknown = isError(error) ? error.message || error.name : error;
    return typeof text === "string" ? text : show(text);
  } catch {
    return "The handler threw a value that cannot be converted to text.";
  }
}
