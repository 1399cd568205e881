import type { QueueDefinition } from "./definition.js";
import type { Delivery, Envelope, Failure, Session, Subscriber, Subscription } from "./driver.js";
import { toError } from "./failures.js";
import { deadLetterCopy, postponedCopy, postponedForMs, storeCopy, waitQueueFor } from "./settlement.js";
import { END_SUBSCRIPTION_MS, pause } from "./timers.js";

const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5_000;

export interface DeliverySourceOptions {
  readonly session: Session;
  readonly queue: QueueDefinition;
  /** Maximum number of unsettled deliveries per period of consuming; see `pause`. */
  readonly prefetch: number;
  /** Receives each delivery, also one of a message that this source delivered before. */
  readonly receive: (delivery: SourceDelivery) => void;
  /** Called when `consuming` changes. */
  readonly onConsuming: (consuming: boolean) => void;
  /** Receives failures to consume, each kind once until consuming succeeds, and failures to store a copy of a message. */
  readonly report: (error: unknown, context: { readonly messageId?: string }) => void;
}

/**
 * Source of the deliveries of one queue, for a user that settles each of them. In contrast to `Broker.consume`, it waits for an
 * unavailable broker, passes on each redelivery, and does not recognize a message whose acknowledgement was lost.
 */
export class DeliverySource {
  readonly #options: DeliverySourceOptions;
  /** Periods of consuming that have unsettled deliveries, and the current one. */
  readonly #periods = new Set<ConsumingPeriod>();
  #current: ConsumingPeriod | null = null;
  #closed = false;

  /** Creates the source. It consumes after `resume`. */
  constructor(options: DeliverySourceOptions) {
    this.#options = options;
  }

  /** True while the queue is being consumed. */
  get consuming(): boolean {
    return this.#current?.consuming ?? false;
  }

  /** Starts to consume, or continues after `pause`. Waits until the broker is available. */
  resume(): void {
    if (this.#closed || this.#current !== null) return;
    const period = new ConsumingPeriod(this.#options, () => this.#periods.delete(period));
    this.#current = period;
    this.#periods.add(period);
    period.start();
  }

  /**
   * Stops consuming. No delivery is passed on after the call. Earlier ones can still be settled, also after `resume`; they then do not
   * count for `prefetch`. Resolves when the broker no longer delivers, and, if no delivery is unsettled, when the channel is closed.
   */
  async pause(): Promise<void> {
    const period = this.#current;
    this.#current = null;
    await period?.stop();
  }

  /** Stops consuming, and returns the deliveries that are not settled. Ends within two seconds, even if the broker does not reply. */
  async close(): Promise<void> {
    this.#closed = true;
    void this.pause();
    await Promise.all([...this.#periods].map((period) => period.close(END_SUBSCRIPTION_MS)));
  }
}

/** Period of consuming with one subscription, from `resume` to `pause` and until its deliveries are settled. */
class ConsumingPeriod implements Subscriber {
  readonly late = "return";
  readonly #options: DeliverySourceOptions;
  readonly #onEnd: () => void;
  readonly #stopping = new AbortController();
  readonly #unsettled = new Set<SourceDelivery>();
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #subscription: Subscription | null = null;
  #consuming = false;

  constructor(options: DeliverySourceOptions, onEnd: () => void) {
    this.#options = options;
    this.#onEnd = onEnd;
  }

  get consuming(): boolean {
    return this.#consuming;
  }

  start(): void {
    this.#started = this.#start();
  }

  /** Starts to consume. Repeats this until it succeeds or the period is stopped. */
  async #start(): Promise<void> {
    const { session, queue, prefetch, report } = this.#options;
    const { signal } = this.#stopping;
    let reported: Failure["failure"] | null = null;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const result = await session.consume(queue, this, { prefetch });
      if (result.ok) {
        this.#subscription = result.value;
        this.#setConsuming(true);
        return;
      }
      if (signal.aborted) return;
      if (result.failure !== reported) report(toError(result, { call: "consume", queue: queue.name }), {});
      reported = result.failure;
      if (result.failure === "closed") return;
      await pause(pauseMs, { signal });
    }
  }

  receive(delivery: Delivery): void {
    const received = new SourceDelivery(delivery, this.#options, this.#onSettled);
    this.#unsettled.add(received);
    if (this.#stopping.signal.aborted) {
      void this.#returnLate(received);
      return;
    }
    const leftMs = postponedForMs(delivery.envelope);
    if (leftMs > 0) void received.postpone(leftMs);
    else this.#options.receive(received);
  }

  /** Returns a delivery that arrived while a stopped period started. Returned earlier, it would be delivered to it again. */
  async #returnLate(delivery: SourceDelivery): Promise<void> {
    await this.#stopped;
    delivery.giveBack();
  }

  readonly #onSettled = (delivery: SourceDelivery): void => {
    this.#unsettled.delete(delivery);
    if (this.#stopping.signal.aborted) void this.#endIfSettled();
  };

  interrupted(): void {
    this.#setConsuming(false);
  }

  resumed(): void {
    this.#setConsuming(true);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#setConsuming(false);
    this.#stopped ??= this.#stopSubscription();
    await this.#stopped;
    await this.#endIfSettled();
  }

  /** Stops the subscription, also one that is being opened. */
  async #stopSubscription(): Promise<void> {
    if (this.#subscription === null) await this.#started;
    await this.#subscription?.stop();
  }

  /** Ends the stopped period within `limitMs`. Returns the deliveries that are not settled. */
  async close(limitMs: number): Promise<void> {
    for (const delivery of [...this.#unsettled]) delivery.giveBack();
    await this.#subscription?.close(limitMs);
    this.#onEnd();
  }

  /** Ends the stopped period if all deliveries are settled. It has no limit: an early end would use a delivery of returned messages. */
  async #endIfSettled(): Promise<void> {
    if (this.#unsettled.size === 0) await this.close(Number.POSITIVE_INFINITY);
  }

  #setConsuming(consuming: boolean): void {
    if (this.#consuming === consuming || (consuming && this.#stopping.signal.aborted)) return;
    this.#consuming = consuming;
    this.#options.onConsuming(consuming);
  }
}

/** Delivery that its receiver settles, once. Each method that settles it has no effect on a settled delivery. */
export class SourceDelivery {
  readonly #delivery: Delivery;
  readonly #options: DeliverySourceOptions;
  readonly #onSettled: (delivery: SourceDelivery) => void;
  /** Ends a wait when the delivery is settled. Created when it is needed, because most deliveries need none. */
  #waiting: AbortController | undefined;
  #settled = false;

  constructor(delivery: Delivery, options: DeliverySourceOptions, onSettled: (delivery: SourceDelivery) => void) {
    this.#delivery = delivery;
    this.#options = options;
    this.#onSettled = onSettled;
  }

  /** Message: id, body, version, headers, origin, attempt, time of publication. `decodePayload` reads the body. */
  get envelope(): Envelope {
    return this.#delivery.envelope;
  }

  get redelivered(): boolean {
    return this.#delivery.redelivered;
  }

  /** False if the delivery was settled, or if its connection was lost: the broker then delivers the message again. */
  get live(): boolean {
    return this.#delivery.live;
  }

  /** Removes the message from the queue. */
  acknowledge(): void {
    this.#settle("ack");
  }

  /** Makes the message available for redelivery. The broker may count this towards the delivery limit. */
  release(): void {
    this.#settle("release");
  }

  /** Makes the message available for redelivery without use of the delivery limit. `close` of the source waits for it. */
  giveBack(): void {
    this.#settle("return");
  }

  /** Publishes the message to the queue again, with another origin if it is given, and then acknowledges it. */
  async sendAgain(origin?: string): Promise<void> {
    await this.#replace({ ...this.envelope, ...(origin !== undefined && { origin }) }, "ready");
  }

  /** Moves the message to the dead-letter queue. Returns false if that was not possible: the message is delivered again. */
  async deadLetter(reason: string): Promise<boolean> {
    return this.#replace(deadLetterCopy(this.envelope, reason), "dead");
  }

  /**
   * Makes the message available to all consumers again after `afterMs`, without use of an attempt or of the delivery limit. Until
   * then it waits in wait queues of the queue's retry delays, or in this process if no delay is short enough. A source does not pass
   * on a message before it is due. `envelope.postponed` is the time since which it is postponed.
   */
  async postpone(afterMs: number): Promise<void> {
    const copy = postponedCopy(this.envelope, afterMs);
    const waitQueue = waitQueueFor(this.#options.queue, afterMs);
    if (waitQueue === null) await this.#pause(afterMs);
    await this.#replace(copy, waitQueue ?? "ready");
  }

  /** Stores a copy, and then acknowledges the message. Repeats this until it succeeds or the delivery is no longer live. */
  async #replace(copy: Envelope, destination: Parameters<Session["publish"]>[2]): Promise<boolean> {
    const { session, queue, report } = this.#options;
    const handle = {
      delivery: this.#delivery,
      // A settled delivery is no longer live, which also ends the repetition.
      aborted: false,
      reattached: async () => {},
      pause: (ms: number) => this.#pause(ms),
    };
    const context = { session, queue, handle, report: (error: unknown) => report(error, { messageId: copy.id }) };
    const stored = await storeCopy(copy, destination, context);
    this.#settle(stored ? "ack" : "release");
    return stored;
  }

  /** Resolves after `ms` milliseconds, or when the delivery is settled. */
  async #pause(ms: number): Promise<void> {
    this.#waiting ??= new AbortController();
    if (!this.#settled) await pause(ms, { signal: this.#waiting.signal });
  }

  #settle(how: Parameters<Delivery["settle"]>[0]): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#waiting?.abort();
    this.#delivery.settle(how);
    this.#onSettled(this);
  }
}
