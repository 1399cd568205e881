import { setTimeout as pause } from "node:timers/promises";
import type { Channel, ConsumeMessage } from "amqplib";
import { deliveryLimitOf } from "../definition.js";
import type { Answer, Delivery, Failure, QueueShape, Subscriber, Subscription } from "../driver.js";
import { within } from "../within.js";
import type { Connection } from "./connection.js";
import type { Link } from "./link.js";
import type { Publisher } from "./publisher.js";
import { toFailure } from "./refusals.js";
import { jitteredPauseMs } from "./time.js";
import type { Topology } from "./topology.js";
import { countedReturns, toEnvelope, wasDelivered } from "./wire.js";

/** For a cancellation or a channel to be closed in good order. */
const GOODBYE_MS = 1_000;

/** A channel that brings deliveries, until it ends. Tags of one generation mean other messages in the next. */
class Generation {
  readonly channel: Channel;
  /** Minimum number of counted returns with which a message is returned as a copy. */
  readonly copiedFrom: number;
  consumerTag = "";
  /** Times at which the unsettled messages were received, by delivery tag; the oldest first. */
  readonly held = new Map<number, number>();
  readonly #onEnd: () => void;
  readonly #stopListening: () => void;
  #ended = false;

  constructor(channel: Channel, link: Link, queue: QueueShape, onEnd: () => void) {
    this.channel = channel;
    // Closing consumers use half of the limit at most, so a message is dead-lettered only if consumers were lost as well.
    this.copiedFrom =
      queue.type === "quorum" && link.countsReturns ? Math.floor(deliveryLimitOf(queue) / 2) : Number.POSITIVE_INFINITY;
    this.#onEnd = onEnd;
    channel.once("close", () => this.end());
    this.#stopListening = link.onLost(() => this.end());
  }

  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopListening();
    this.#onEnd();
  }
}

export interface SubscriptionOptions {
  readonly connection: Connection;
  readonly topology: Topology;
  readonly queue: QueueShape;
  readonly subscriber: Subscriber;
  readonly prefetch: number;
  readonly limitMs: number;
  readonly report: (failure: Failure, queue: string) => void;
  /** Publishes the copy of a returned message. */
  readonly publish: Publisher["publish"];
  /** A message was settled after its channel had ended. */
  readonly onStale: () => void;
}

/** Consumes one queue, over one channel after the other, until closed. */
export class RabbitmqSubscription implements Subscription {
  readonly #options: SubscriptionOptions;
  readonly #stopping = new AbortController();
  #generation: Generation | null = null;
  /** Continues `#keep`. */
  #wake: () => void = () => {};
  #attachments = 0;
  /** The broker did not answer the last goodbye: no use waiting for another. */
  #mute = false;
  #cancelled: Promise<void> = Promise.resolve();
  /** Pending returns of messages as copies. */
  readonly #returning = new Set<Promise<void>>();

  /** Answers once messages flow, or why they do not within the time limit. */
  static async open(options: SubscriptionOptions): Promise<Answer<RabbitmqSubscription>> {
    const subscription = new RabbitmqSubscription(options);
    const first = await subscription.#first();
    if (!first.ok) {
      await subscription.close();
      return first;
    }
    void subscription.#keep();
    return { ok: true, value: subscription };
  }

  private constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    const generation = this.#generation;
    if (generation === null || generation.ended) return;
    this.#cancelled = this.#goodbye(generation.channel.cancel(generation.consumerTag));
    await this.#cancelled;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    const generation = this.#generation;
    if (generation === null || generation.ended) return;
    await this.#goodbye(Promise.all(this.#returning));
    await this.#goodbye(generation.channel.close());
  }

  async #goodbye(answer: Promise<unknown>): Promise<void> {
    await within(answer, this.#mute ? 0 : GOODBYE_MS).catch(() => {
      this.#mute = true;
    });
  }

  async #first(): Promise<Answer> {
    const { connection, limitMs } = this.#options;
    const { signal } = this.#stopping;
    const end = performance.now() + limitMs;
    let answer: Answer = { ok: false, failure: "unavailable", reason: connection.fault, indeterminate: false };
    for (let failures = 1, leftMs = limitMs; leftMs > 0 && !signal.aborted; failures++) {
      const link = await connection.linked(leftMs, signal);
      if (link === null) break;
      answer = await this.#attach(link);
      if (answer.ok || isFinal(answer)) return answer;
      const pauseMs = Math.min(jitteredPauseMs(failures), Math.max(0, end - performance.now()));
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
      leftMs = end - performance.now();
    }
    if (answer.ok || connection.link !== null) return answer;
    return { ok: false, failure: "unavailable", reason: connection.fault, indeterminate: false };
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    const { connection, report, queue } = this.#options;
    let failures = 0;
    let reported: Failure["failure"] | null = null;
    while (!signal.aborted) {
      await this.#interrupted();
      if (failures > 0) await pause(jitteredPauseMs(failures), undefined, { signal }).catch(() => undefined);
      const link = await connection.linked(Number.POSITIVE_INFINITY, signal);
      if (link === null || signal.aborted) return;
      const answer = await this.#attach(link);
      if (answer.ok) {
        failures = 0;
        reported = null;
      } else if (++failures === 1 || (isFinal(answer) && answer.failure !== reported)) {
        report(answer, queue.name);
        reported = answer.failure;
      }
    }
  }

  /** Resolves when no channel brings deliveries, or the subscription stops. */
  #interrupted(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#stopping.signal.aborted || (this.#generation?.ended ?? true)) resolve();
    });
  }

  /** Declares the queue, opens a channel and consumes. */
  async #attach(link: Link): Promise<Answer> {
    const { topology, queue, subscriber, prefetch, limitMs, report } = this.#options;
    const declared = await topology.ensure(link, queue);
    if (!declared.ok) return declared;
    const channel = await link.openChannel();
    if (channel === null || link.lost !== null) return toFailure(new Error("Connection lost"));

    const generation = new Generation(channel, link, queue, () => this.#wake());
    let announced = false;
    const announce = () => {
      if (announced) return;
      announced = true;
      if (this.#attachments++ > 0) subscriber.resumed();
    };
    const receive = (message: ConsumeMessage | null) => {
      if (message !== null) {
        // A message can arrive before the promise of `consume` resolves.
        announce();
        this.#receive(message, generation);
        return;
      }
      if (generation.held.size > 0) report(cancelled(generation.held), queue.name);
      topology.forget(link, queue);
      generation.end();
      void channel.close().catch(() => undefined);
    };
    try {
      await within(channel.prefetch(prefetch), limitMs);
      const { consumerTag } = await within(channel.consume(topology.nameOf(queue, "ready"), receive), limitMs);
      generation.consumerTag = consumerTag;
      this.#generation = generation;
      // From now on nobody else hears of it: a message that is in hand for too long, say.
      channel.on("error", (error) => report(toFailure(error), queue.name));
    } catch (error) {
      topology.forget(link, queue);
      generation.end();
      void channel.close().catch(() => undefined);
      return toFailure(error);
    }
    if (this.#stopping.signal.aborted) await this.close();
    else announce();
    return { ok: true, value: undefined };
  }

  #receive(message: ConsumeMessage, generation: Generation): void {
    const { channel } = generation;
    const { subscriber, onStale } = this.#options;
    const goesBackAsCopy = countedReturns(message) >= generation.copiedFrom;
    const { deliveryTag } = message.fields;
    generation.held.set(deliveryTag, performance.now());
    let settled = false;
    const delivery: Delivery = {
      envelope: toEnvelope(message),
      redelivered: wasDelivered(message),
      get live() {
        return !settled && !generation.ended;
      },
      settle(how) {
        if (settled) return;
        settled = true;
        generation.held.delete(deliveryTag);
        try {
          if (generation.ended) onStale();
          else if (how === "ack") channel.ack(message);
          else if (goesBackAsCopy) sendBack();
          else channel.nack(message, false, true);
        } catch {
          // The channel is closing and has not said so yet.
          onStale();
        }
      },
    };
    const sendBack = () => this.#sendBack(message, generation);
    if (this.#stopping.signal.aborted) delivery.settle("release");
    else subscriber.receive(delivery);
  }

  /** Publishes a copy and then acknowledges the message. The broker does not count such a return. */
  #sendBack(message: ConsumeMessage, generation: Generation): void {
    const { channel } = generation;
    const { publish, queue } = this.#options;
    const copy = async () => {
      // The copy must not be delivered to this consumer again.
      await this.#cancelled;
      const answer = await publish(queue, { ...toEnvelope(message), returned: true }, "ready");
      if (generation.ended) return;
      if (answer.ok) channel.ack(message);
      else channel.nack(message, false, true);
    };
    const returning = copy()
      // The channel is closing, and the broker returns the message itself.
      .catch(() => undefined)
      .finally(() => this.#returning.delete(returning));
    this.#returning.add(returning);
  }
}

/**
 * RabbitMQ cancels a consumer whose queue was deleted. From 4.3 on, it also cancels a consumer that holds a message for longer
 * than `consumer_timeout`, and delivers the message again. Earlier versions close the channel with an error.
 */
function cancelled(held: ReadonlyMap<number, number>): Failure {
  const [oldest = 0] = held.values();
  const forMs = Math.round(performance.now() - oldest);
  const reason =
    `RabbitMQ cancelled the consumer, which held ${held.size === 1 ? "a message" : `${held.size} messages`} for up to ${forMs} ms: ` +
    "either the acknowledgement timed out (consumer_timeout), or the queue was deleted";
  return { ok: false, failure: "unavailable", reason, indeterminate: false };
}

/** True for a failure that a repeated call cannot overcome. */
function isFinal({ failure }: Failure): boolean {
  return failure === "mismatch" || failure === "missing" || failure === "denied";
}
