import { Acknowledgements } from "./acknowledgements.js";
import { type Dedupe, Suppression } from "./dedupe.js";
import type { QueueDefinition } from "./definition.js";
import type { Delivery, Session, Subscriber, Subscription } from "./driver.js";
import { QueueError } from "./errors.js";
import { Handling, type HandlingSettings } from "./handling.js";
import type { Handler } from "./message.js";
import { pause, unref } from "./pause.js";
import { settle } from "./settlement.js";

/** How long handlers may go on when a consumer or a broker closes without `graceMs`. */
export const DEFAULT_GRACE_MS = 10_000;
/** What a handler gets to notice its aborted signal before its message goes back without it. */
const ABORT_GRACE_MS = 1_000;
/** How long after a reconnect a lost message may take to come back before its handler is told that it went elsewhere. */
const ADOPTION_WINDOW_MS = 5_000;

export interface ConsumeSettings {
  readonly concurrency: number;
  readonly prefetch: number;
  readonly timeoutMs: number | undefined;
  readonly dedupe: Dedupe | undefined;
}

export type Report = (error: unknown, context: { readonly queue?: string; readonly messageId?: string }) => void;

/** Receives deliveries, runs at most `concurrency` handlers at a time, and sees each message to its end. */
export class ActiveConsumer<Q extends QueueDefinition> implements Subscriber {
  readonly #queue: Q;
  readonly #handler: Handler<Q>;
  readonly #concurrency: number;
  readonly #settings: HandlingSettings;
  readonly #session: Session;
  readonly #report: Report;
  readonly #acknowledgements: Acknowledgements;
  /** Delivered and not yet started. */
  #waiting: Delivery[] = [];
  readonly #running = new Set<Handling<Q>>();
  #subscription: Subscription | undefined;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(
    queue: Q,
    handler: Handler<Q>,
    { concurrency, prefetch, timeoutMs, dedupe }: ConsumeSettings,
    session: Session,
    report: Report,
  ) {
    this.#queue = queue;
    this.#handler = handler;
    this.#concurrency = concurrency;
    this.#settings = { timeoutMs, suppression: dedupe && new Suppression(dedupe, queue.name) };
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
      const running = [...this.#running].find((handling) => handling.continues(delivery));
      if (running !== undefined) {
        running.adopt(delivery);
        return;
      }
      if (this.#acknowledgements.take(delivery.envelope)) {
        this.#acknowledgements.add(delivery);
        delivery.settle("ack");
        return;
      }
    }
    this.#waiting.push(delivery);
    this.#startWaiting();
  }

  resumed(): void {
    this.#acknowledgements.connectionLost();
    this.#waiting = this.#waiting.filter((delivery) => delivery.live || this.#dropLost(delivery));
    const lost = [...this.#running].filter((handling) => !handling.delivery.live);
    if (lost.length === 0) return;
    const timer = setTimeout(() => {
      for (const handling of lost) {
        if (handling.settled || handling.delivery.live) continue;
        handling.recall(this.#closed("The connection was lost and the message was delivered elsewhere."));
      }
    }, ADOPTION_WINDOW_MS);
    unref(timer);
  }

  /** Settles within `graceMs` and a second, whatever the handlers and the broker do. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    const stopped = this.#subscription?.stop();
    for (const delivery of this.#waiting.splice(0)) delivery.settle("release");
    if (!(await this.#idleWithin(graceMs))) {
      const reason = this.#closed("The consumer closed and its grace time is over.");
      for (const handling of this.#running) handling.recall(reason);
      await this.#idleWithin(ABORT_GRACE_MS);
      for (const handling of this.#running) handling.settle("release");
    }
    await stopped;
    await this.#subscription?.close();
  }

  async #idleWithin(limitMs: number): Promise<boolean> {
    if (this.#running.size === 0) return true;
    const stopWaiting = new AbortController();
    const idle = new Promise<true>((resolve) => {
      this.#onIdle = () => resolve(true);
    });
    const late = pause(limitMs, { signal: stopWaiting.signal }).then(() => false as const);
    const result = await Promise.race([idle, late]);
    stopWaiting.abort();
    return result;
  }

  #startWaiting(): void {
    while (this.#running.size < this.#concurrency) {
      const delivery = this.#waiting.shift();
      if (delivery === undefined) return;
      if (delivery.live) this.#start(new Handling(this.#queue, this.#handler, delivery));
      else this.#dropLost(delivery);
    }
  }

  /**
   * Drops a delivery whose connection was lost before its handler began: the message arrives again. Returns false. Another
   * message of the same key may have been acknowledged on that connection, and must not be mistaken for this one.
   */
  #dropLost(delivery: Delivery): boolean {
    this.#acknowledgements.connectionLost();
    this.#acknowledgements.take(delivery.envelope);
    return false;
  }

  #start(handling: Handling<Q>): void {
    this.#running.add(handling);
    void this.#seeThrough(handling).finally(() => {
      this.#running.delete(handling);
      if (this.#closing === undefined) this.#startWaiting();
      else if (this.#running.size === 0) this.#onIdle?.();
    });
  }

  async #seeThrough(handling: Handling<Q>): Promise<void> {
    const { envelope } = handling.delivery;
    const report = (error: unknown) => this.#report(error, { queue: this.#queue.name, messageId: envelope.id });
    const outcome = await handling.decide(this.#settings, report);
    await settle(outcome, {
      session: this.#session,
      queue: this.#queue,
      envelope,
      held: handling,
      acknowledgements: this.#acknowledgements,
      report,
    });
    // A handler that ignores its signal still takes up its place, as it still takes up memory and time.
    await handling.finished;
  }

  #closed(message: string): QueueError {
    return new QueueError("CLOSED", message, { queue: this.#queue.name });
  }
}
