import { show } from "./arguments.js";
import type { Deduplicator } from "./dedupe.js";
import type { QueueDefinition } from "./definition.js";
import type { Delivery } from "./driver.js";
import { isError, QueueError } from "./errors.js";
import { decodePayload } from "./payload.js";
import {
  isLastAttempt,
  type MessageHandle,
  type Outcome,
  outcomeOf,
  postponedForMs,
  readVerdict,
} from "./settlement.js";
import { unref, withTimeout } from "./timers.js";
import type { ConsumeOptions, Handler, Message, Verdict } from "./types.js";

export interface HandlingOptions {
  readonly timeoutMs: number | undefined;
  readonly deduplicator: Deduplicator | undefined;
  readonly onUnreadable: ConsumeOptions["onUnreadable"];
}

/** Pause before a message is examined again whose `onUnreadable` failed. */
const UNREADABLE_PAUSE_MS = 1_000;

/** Message whose handler runs in this process. After a reconnect, a redelivery can replace its delivery. */
export class ActiveMessage<Q extends QueueDefinition> implements MessageHandle {
  #delivery: Delivery;
  /** Ends the current wait. */
  #wake: () => void = () => {};
  #settled = false;
  #aborted = false;
  /** Created when it is needed: most handlers do not read the signal, and creating one takes several microseconds. */
  #abortController: AbortController | undefined;
  #abortReason: QueueError | undefined;
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

  /** Settles the latest delivery. A later redelivery of the message is a new delivery. */
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
    this.#abortSignal(reason);
    this.#wake();
  }

  #abortSignal(reason: QueueError): void {
    this.#abortReason ??= reason;
    this.#abortController?.abort(this.#abortReason);
  }

  get #signal(): AbortSignal {
    if (this.#abortController === undefined) {
      this.#abortController = new AbortController();
      if (this.#abortReason !== undefined) this.#abortController.abort(this.#abortReason);
    }
    return this.#abortController.signal;
  }

  /** Runs the handler and returns the outcome. Returns at the time limit, even if the handler is still running. */
  async handle(
    { timeoutMs, deduplicator, onUnreadable }: HandlingOptions,
    report: (error: unknown) => void,
  ): Promise<Outcome> {
    const { envelope } = this.#delivery;
    const leftMs = postponedForMs(envelope);
    if (leftMs > 0) return { kind: "postpone", afterMs: leftMs };
    const decoded = decodePayload(this.#queue, envelope);
    if ("problem" in decoded) return this.#rejectUnreadable(decoded.problem, onUnreadable, report);
    const message = toMessage(this.#queue, this.#delivery, decoded.payload, () => this.#signal);
    const attempt = () => this.#attempt(message, timeoutMs, report);
    return deduplicator === undefined ? attempt() : deduplicator.handleOnce(message.id, attempt, report);
  }

  async #rejectUnreadable(
    reason: string,
    onUnreadable: ConsumeOptions["onUnreadable"],
    report: (error: unknown) => void,
  ): Promise<Outcome> {
    const { id, body, origin } = this.#delivery.envelope;
    try {
      await onUnreadable?.({ id, body, reason, ...(origin !== undefined && { origin }) });
    } catch (error) {
      report(error);
      return this.#aborted ? { kind: "release" } : { kind: "postpone", afterMs: UNREADABLE_PAUSE_MS };
    }
    const message = `Message "${id}" of queue "${this.#queue.name}" was dead-lettered. ${reason}`;
    report(new QueueError("INVALID_PAYLOAD", message, { queue: this.#queue.name, messageId: id }));
    return { kind: "deadLetter", reason };
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
      this.#abortSignal(error);
      return error;
    };
    return readVerdict(await withTimeout(handled, timeoutMs ?? Number.POSITIVE_INFINITY, onTimeout));
  }
}

/**
 * Creates the message that a handler receives.
 *
 * @param signal returns the message's signal, when the handler reads it
 */
export function toMessage<Q extends QueueDefinition>(
  queue: Q,
  { envelope, redelivered }: Pick<Delivery, "envelope" | "redelivered">,
  payload: Message<Q>["payload"],
  signal: () => AbortSignal,
): Message<Q> {
  return {
    id: envelope.id,
    payload,
    attempt: envelope.attempt,
    lastAttempt: isLastAttempt(queue, envelope.attempt),
    redelivered,
    publishedAt: new Date(envelope.publishedAt),
    headers: envelope.headers,
    ...(envelope.origin !== undefined && { origin: envelope.origin }),
    get signal() {
      return signal();
    },
  };
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
