import type { Channel, Message } from "amqplib";
import { deliveryLimitOf } from "../definition.js";
import type { QueueConfig } from "../driver.js";
import { withinTime } from "../timers.js";
import { type AmqpConnection, ignore } from "./amqp-connection.js";

/** Time without a message or a settlement after which a consumer assumes that no message is on its way. */
const QUIET_MS = 100;
/** Longest time for which a cancellation waits. */
const MAX_WAIT_MS = 500;

/**
 * Channel that delivers messages, until it closes. Its delivery tags are not valid on another channel.
 *
 * It collects the acknowledgements of one tick of the event loop. Those without an open message before them are sent as a single
 * cumulative acknowledgement, the others one by one.
 */
export class ConsumerChannel {
  readonly channel: Channel;
  /** True if the broker counts a release towards the delivery limit. */
  readonly countsReturns: boolean;
  /** Number of counted returns from which a message is returned as a copy. */
  readonly copyFromReturns: number;
  /** Time of receipt of the messages that are not settled, by delivery tag, the oldest first. */
  readonly #open = new Map<number, number>();
  /** Delivery tags of messages that are settled, whose copy is not stored yet. */
  readonly #returning = new Set<number>();
  /** Delivery tags of messages to acknowledge at the end of this tick of the event loop. */
  #acknowledged: number[] = [];
  readonly #onClosed: () => void;
  readonly #onLateSettlement: () => void;
  readonly #removeListener: () => void;
  readonly #prefetch: number;
  #consumerTag = "";
  /** Number of messages that the broker counts as unacknowledged, as far as this client knows. */
  #outstanding = 0;
  /** Time of the start, or of the latest message or settlement (`performance.now()`). */
  #lastActiveAt = Number.NEGATIVE_INFINITY;
  /** Settlements to send after the request to cancel; null: they are sent at once. */
  #held: (() => void)[] | null = null;
  #onReceived: () => void = () => {};
  #closing: Promise<void> | undefined;
  #closed = false;
  readonly #ended: Promise<void>;
  #onEnded: () => void = () => {};

  /**
   * @param prefetch maximum number of unacknowledged messages
   * @param onClosed called when the channel closes
   * @param onLateSettlement called for each message that is settled and whose settlement can no longer be sent
   */
  constructor(
    channel: Channel,
    connection: AmqpConnection,
    queue: QueueConfig,
    prefetch: number,
    onClosed: () => void,
    onLateSettlement: () => void,
  ) {
    this.channel = channel;
    this.countsReturns = queue.type === "quorum" && connection.countsReturns;
    // Closing consumers use at most half of the limit, so a message is dead-lettered only if consumers were lost as well.
    this.copyFromReturns = this.countsReturns ? Math.floor(deliveryLimitOf(queue) / 2) : Number.POSITIVE_INFINITY;
    this.#prefetch = prefetch;
    this.#ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
    this.#onClosed = onClosed;
    this.#onLateSettlement = onLateSettlement;
    channel.once("close", () => this.markClosed());
    this.#removeListener = connection.onLost(() => this.markClosed());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Number of messages that are not settled. */
  get unsettled(): number {
    return this.#open.size;
  }

  /** Time of receipt of the oldest message that is not settled (`performance.now()`). */
  get oldestReceivedAt(): number {
    const [oldest = 0] = this.#open.values();
    return oldest;
  }

  /** Records that the broker has accepted the consumer. */
  started(consumerTag: string): void {
    this.#consumerTag = consumerTag;
    this.#lastActiveAt = performance.now();
  }

  received(deliveryTag: number): void {
    this.#lastActiveAt = performance.now();
    this.#open.set(deliveryTag, this.#lastActiveAt);
    this.#outstanding++;
    this.#onReceived();
  }

  acknowledge(deliveryTag: number): void {
    this.#open.delete(deliveryTag);
    this.#returning.delete(deliveryTag);
    if (this.#closed) {
      this.#onLateSettlement();
      return;
    }
    if (this.#acknowledged.length === 0) process.nextTick(() => this.sendAcknowledgements());
    this.#acknowledged.push(deliveryTag);
  }

  release(deliveryTag: number): void {
    this.#open.delete(deliveryTag);
    this.#returning.delete(deliveryTag);
    this.#send(1, () => this.channel.nack(messageOf(deliveryTag), false, true));
  }

  /** Records that a message is settled and stays unacknowledged until its copy is stored. `acknowledge` or `release` follows. */
  startReturn(deliveryTag: number): void {
    this.#open.delete(deliveryTag);
    this.#returning.add(deliveryTag);
  }

  /** Sends the collected acknowledgements. */
  sendAcknowledgements(): void {
    const acknowledged = this.#acknowledged;
    this.#acknowledged = [];
    if (this.#closed) {
      for (const _ of acknowledged) this.#onLateSettlement();
      return;
    }
    const firstOpen = this.#firstOpenTag();
    // Delivery tags begin at 1.
    let latest = 0;
    let cumulative = 0;
    for (const deliveryTag of acknowledged) {
      if (deliveryTag > firstOpen) {
        this.#send(1, () => this.channel.ack(messageOf(deliveryTag)));
        continue;
      }
      latest = Math.max(latest, deliveryTag);
      cumulative++;
    }
    if (latest > 0) this.#send(cumulative, () => this.channel.ack(messageOf(latest), true));
  }

  /**
   * Cancels the consumer. Resolves when no further message arrives.
   *
   * A quorum queue counts a message that is on its way to a consumer when that is cancelled, although it never arrives. So this waits
   * until no message is on its way: the prefetch is reached, or none has arrived for some time. Settlements would let the broker
   * deliver more, and are sent after the cancellation.
   */
  async cancel(): Promise<void> {
    if (this.countsReturns) {
      this.#held = [];
      await this.#waitUntilQuiet();
    }
    const cancelled = this.channel.cancel(this.#consumerTag).catch(ignore);
    this.#sendHeld();
    await cancelled;
  }

  #sendHeld(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const send of held) send();
  }

  async #waitUntilQuiet(): Promise<void> {
    const start = performance.now();
    while (!this.#closed && this.#outstanding < this.#prefetch) {
      const now = performance.now();
      const leftMs = Math.min(this.#lastActiveAt + QUIET_MS, start + MAX_WAIT_MS) - now;
      if (leftMs <= 0) return;
      const received = new Promise<void>((resolve) => {
        this.#onReceived = resolve;
      });
      await withinTime(received, leftMs);
    }
  }

  /** Sends the collected acknowledgements and closes the channel. The broker releases the other messages. Also ends if the channel is lost. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#sendHeld();
    this.sendAcknowledgements();
    // amqplib does not settle this call if the connection is lost during it.
    this.#closing ??= Promise.race([this.channel.close().catch(ignore), this.#ended]);
    await this.#closing;
  }

  markClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#removeListener();
    this.#onEnded();
    this.#onClosed();
  }

  /** Returns the lowest delivery tag that must not be acknowledged. */
  #firstOpenTag(): number {
    const [open = Number.POSITIVE_INFINITY] = this.#open.keys();
    return Math.min(open, ...this.#returning);
  }

  /** Sends a settlement of `count` messages. */
  #send(count: number, send: () => void): void {
    if (this.#held !== null) {
      this.#held.push(() => this.#send(count, send));
      return;
    }
    if (!this.#closed && isSent(send)) {
      this.#outstanding -= count;
      this.#lastActiveAt = performance.now();
    } else {
      for (let n = 0; n < count; n++) this.#onLateSettlement();
    }
  }
}

/** Sends a settlement. Returns false if the channel is closing and has not emitted "close" yet. */
function isSent(send: () => void): boolean {
  try {
    send();
    return true;
  } catch {
    return false;
  }
}

/** Returns the part of a message that amqplib reads to settle it. So the rest of a message need not be kept until then. */
function messageOf(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message;
}
