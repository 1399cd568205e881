import { Acknowledgements } from "./acknowledgements.js";
import { ActiveMessage, type HandlingOptions } from "./active-message.js";
import { MAX_DURATION_MS } from "./arguments.js";
import { Deduplicator } from "./dedupe.js";
import type { QueueDefinition } from "./definition.js";
import type { Delivery, Session, Subscriber, Subscription } from "./driver.js";
import { QueueError } from "./errors.js";
import { deadLetterCopy, type Outcome, postponedCopy, retryCopy, storeCopy, waitQueueFor } from "./settlement.js";
import { END_SUBSCRIPTION_MS, unref, withinTime } from "./timers.js";
import type { ConsumeOptions, Dedupe, Handler } from "./types.js";

/** Default of `graceMs`: the time for which handlers may continue while a consumer or a broker closes. */
export const DEFAULT_GRACE_MS = 10_000;
/** Time that an aborted handler has to end before its message is released. */
const ABORT_GRACE_MS = 1_000;
/** Time after a reconnect within which a lost message must be redelivered. After that, its handler is aborted. */
const REDELIVERY_WINDOW_MS = 5_000;

/** Checked options of `Broker.consume`. */
export interface ConsumeSettings {
  readonly concurrency: number;
  readonly prefetch: number;
  readonly timeoutMs: number | undefined;
  readonly dedupe: Dedupe | undefined;
  readonly onUnreadable: ConsumeOptions["onUnreadable"];
}

export type Report = (error: unknown, context: { readonly queue?: string; readonly messageId?: string }) => void;

/** Consumer of one queue: receives deliveries, runs at most `concurrency` handlers at a time, and settles each message. */
export class ActiveConsumer<Q extends QueueDefinition> implements Subscriber {
  readonly late = "release";
  readonly #queue: Q;
  readonly #handler: Handler<Q>;
  readonly #concurrency: number;
  readonly #options: HandlingOptions;
  readonly #session: Session;
  readonly #report: Report;
  readonly #acknowledgements: Acknowledgements;
  /** Deliveries whose handler has not been started. */
  #waiting: Delivery[] = [];
  /** Postponed deliveries, each with the timer that ends its wait. */
  readonly #postponed = new Map<Delivery, NodeJS.Timeout>();
  readonly #active = new Set<ActiveMessage<Q>>();
  #subscription: Subscription | undefined;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(
    queue: Q,
    handler: Handler<Q>,
    { concurrency, prefetch, timeoutMs, dedupe, onUnreadable }: ConsumeSettings,
    session: Session,
    report: Report,
  ) {
    this.#queue = queue;
    this.#handler = handler;
    this.#concurrency = concurrency;
    this.#options = { timeoutMs, deduplicator: dedupe && new Deduplicator(dedupe, queue.name), onUnreadable };
    this.#session = session;
    this.#report = report;
    this.#acknowledgements = new Acknowledgements(prefetch);
  }

  attach(subscription: Subscription): void {
    this.#subscription = subscription;
  }

  receive(delivery: Delivery): void {
    if (this.#closing !== undefined) {
      delivery.settle("release");
      return;
    }
    if (delivery.redelivered) {
      const active = [...this.#active].find((message) => message.canReattach(delivery));
      if (active !== undefined) {
        active.reattach(delivery);
        return;
      }
      if (this.#acknowledgements.take(delivery.envelope)) {
        this.#acknowledgements.add(delivery);
        delivery.settle("ack");
        return;
      }
    }
    this.#waiting.push(delivery);
    this.#startHandlers();
  }

  resumed(): void {
    this.#acknowledgements.connectionLost();
    this.#waiting = this.#waiting.filter((delivery) => delivery.live || this.#dropLost(delivery));
    for (const delivery of this.#postponed.keys()) if (!delivery.live) this.#endPostponement(delivery);
    const lost = [...this.#active].filter((message) => !message.delivery.live);
    if (lost.length === 0) return;
    const timer = setTimeout(() => {
      for (const message of lost) {
        if (message.settled || message.delivery.live) continue;
        const { id } = message.delivery.envelope;
        const text = `The connection was lost, and message "${id}" was not redelivered to this consumer.`;
        message.abort(this.#closedError(text));
      }
    }, REDELIVERY_WINDOW_MS);
    unref(timer);
  }

  /** Stops the consumer. Ends at most three seconds after `graceMs`, even if a handler or the broker does not respond. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    void this.#subscription?.stop();
    for (const delivery of this.#postponed.keys()) this.#endPostponement(delivery);
    for (const delivery of this.#waiting.splice(0)) delivery.settle("release");
    if (!(await this.#waitUntilIdle(graceMs))) {
      const reason = this.#closedError(
        `The consumer is closing, and its grace period of ${graceMs} ms is over (graceMs).`,
      );
      for (const message of this.#active) message.abort(reason);
      await this.#waitUntilIdle(ABORT_GRACE_MS);
      for (const message of this.#active) message.settle("release");
    }
    await this.#subscription?.close(END_SUBSCRIPTION_MS);
  }

  /** Resolves to true when no handler is running, to false after `limitMs`. */
  async #waitUntilIdle(limitMs: number): Promise<boolean> {
    if (this.#active.size === 0) return true;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    await withinTime(idle, limitMs);
    return this.#active.size === 0;
  }

  #startHandlers(): void {
    while (this.#active.size < this.#concurrency) {
      const delivery = this.#waiting.shift();
      if (delivery === undefined) return;
      if (delivery.live) this.#start(new ActiveMessage(this.#queue, this.#handler, delivery));
      else this.#dropLost(delivery);
    }
  }

  /**
   * Drops a delivery whose connection was lost before its handler started: the message will be redelivered. Another message with
   * the same key may have been acknowledged on that connection, so the redelivery must not count as acknowledged.
   *
   * @returns false
   */
  #dropLost(delivery: Delivery): boolean {
    this.#acknowledgements.connectionLost();
    this.#acknowledgements.take(delivery.envelope);
    return false;
  }

  #start(message: ActiveMessage<Q>): void {
    this.#active.add(message);
    void this.#process(message).finally(() => {
      this.#active.delete(message);
      if (this.#closing === undefined) this.#startHandlers();
      else if (this.#active.size === 0) this.#onIdle?.();
    });
  }

  /** Runs the handler, applies the outcome, and waits for the end of the handler. */
  async #process(message: ActiveMessage<Q>): Promise<void> {
    const { envelope } = message.delivery;
    const report = (error: unknown) => this.#report(error, { queue: this.#queue.name, messageId: envelope.id });
    const outcome = await message.handle(this.#options, report);
    await this.#apply(outcome, message, report);
    // A handler that ignores its signal still occupies its slot, because it still uses memory and time.
    await message.finished;
  }

  async #apply(outcome: Outcome, message: ActiveMessage<Q>, report: (error: unknown) => void): Promise<void> {
    if (outcome.kind === "acknowledge") {
      this.#acknowledgements.add(message.delivery);
      message.settle("ack");
      return;
    }
    if (outcome.kind === "postpone" && waitQueueFor(this.#queue, outcome.afterMs) === null) {
      this.#postpone(message.delivery, outcome.afterMs);
      return;
    }
    const copied = outcome.kind !== "release" && (await this.#replace(outcome, message, report));
    this.#acknowledgements.take(message.delivery.envelope);
    message.settle(copied ? "ack" : "release");
  }

  /** Stores the copy that replaces a message. */
  async #replace(
    outcome: Exclude<Outcome, { kind: "acknowledge" | "release" }>,
    message: ActiveMessage<Q>,
    report: (error: unknown) => void,
  ): Promise<boolean> {
    const { envelope } = message.delivery;
    const context = { session: this.#session, queue: this.#queue, handle: message, report };
    if (outcome.kind === "retry") {
      return storeCopy(retryCopy(envelope, outcome.reason), { afterMs: outcome.delayMs }, context);
    }
    if (outcome.kind === "deadLetter") return storeCopy(deadLetterCopy(envelope, outcome.reason), "dead", context);
    const waitQueue = waitQueueFor(this.#queue, outcome.afterMs);
    return waitQueue !== null && storeCopy(postponedCopy(envelope, outcome.afterMs), waitQueue, context);
  }

  /** Keeps a delivery in this consumer, and then handles it again. Its slot is free until then. */
  #postpone(delivery: Delivery, afterMs: number): void {
    const timer = setTimeout(
      () => {
        this.#postponed.delete(delivery);
        this.#waiting.push(delivery);
        this.#startHandlers();
      },
      Math.min(afterMs, MAX_DURATION_MS),
    );
    unref(timer);
    this.#postponed.set(delivery, timer);
    if (this.#closing !== undefined || !delivery.live) this.#endPostponement(delivery);
  }

  /** Releases a postponed delivery, because the consumer closes or because the connection was lost. */
  #endPostponement(delivery: Delivery): void {
    clearTimeout(this.#postponed.get(delivery));
    this.#postponed.delete(delivery);
    if (delivery.live) delivery.settle("release");
    else this.#dropLost(delivery);
  }

  #closedError(message: string): QueueError {
    return new QueueError("CLOSED", message, { queue: this.#queue.name });
  }
}

/**
 * Creates a warning if handlers may keep a message unacknowledged for longer than the broker allows. That time begins with the
 * delivery, so it includes the wait of a prefetched message. Returns null without `timeoutMs`, because the time is then unknown.
 */
export function ackTimeoutWarning(
  queue: QueueDefinition,
  { concurrency, prefetch, timeoutMs }: Pick<ConsumeSettings, "concurrency" | "prefetch" | "timeoutMs">,
  ackTimeoutMs: number | null,
): QueueError | null {
  if (timeoutMs === undefined || ackTimeoutMs === null) return null;
  const maxMs = timeoutMs * Math.ceil(prefetch / concurrency);
  if (maxMs < ackTimeoutMs) return null;
  return new QueueError(
    "INVALID_ARGUMENT",
    `A message of queue "${queue.name}" can stay unacknowledged for ${maxMs} ms (timeoutMs × prefetch / concurrency), but the ` +
      `broker redelivers it after ${ackTimeoutMs} ms (ackTimeoutMs). Lower timeoutMs or prefetch, or increase consumer_timeout of ` +
      "the broker and ackTimeoutMs.",
    { queue: queue.name },
  );
}
