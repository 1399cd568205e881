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
interface Generation {
  readonly channel: Channel;
  readonly consumerTag: string;
  readonly ended: AbortSignal;
}

export interface SubscriptionOptions {
  readonly connection: Connection;
  readonly topology: Topology;
  readonly queue: QueueShape;
  readonly subscriber: Subscriber;
  readonly prefetch: number;
  readonly limitMs: number;
  readonly report: (failure: Failure, queue: string) => void;
  /** Publishes a copy of a message that goes back to its queue. */
  readonly publish: Publisher["publish"];
  /** A message was settled after its channel had ended. */
  readonly onStale: () => void;
}

/** Consumes one queue, over one channel after the other, until closed. */
export class RabbitmqSubscription implements Subscription {
  readonly #options: SubscriptionOptions;
  readonly #stopping = new AbortController();
  #generation: Generation | null = null;
  #attachments = 0;
  /** The broker did not answer the last goodbye: no use waiting for another. */
  #mute = false;
  #cancelled: Promise<void> = Promise.resolve();
  /** Messages that go back as copies, until that is done. */
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
    const generation = this.#generation;
    if (generation === null || generation.ended.aborted) return;
    this.#cancelled = this.#goodbye(generation.channel.cancel(generation.consumerTag));
    await this.#cancelled;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    const generation = this.#generation;
    if (generation === null || generation.ended.aborted) return;
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
    const deadline = AbortSignal.any([AbortSignal.timeout(limitMs), this.#stopping.signal]);
    let answer: Answer = { ok: false, failure: "unavailable", reason: connection.fault, indeterminate: false };
    for (let failures = 1; !deadline.aborted; failures++) {
      const link = await connection.linked(deadline);
      if (link === null) break;
      answer = await this.#attach(link);
      if (answer.ok || answer.failure === "mismatch" || answer.failure === "missing") return answer;
      await pause(jitteredPauseMs(failures), undefined, { signal: deadline }).catch(() => undefined);
    }
    if (answer.ok || connection.link !== null) return answer;
    return { ok: false, failure: "unavailable", reason: connection.fault, indeterminate: false };
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    const { connection, report, queue } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      if (this.#generation !== null && !this.#generation.ended.aborted) await over(this.#generation.ended, signal);
      if (failures > 0) await pause(jitteredPauseMs(failures), undefined, { signal }).catch(() => undefined);
      const link = await connection.linked(signal);
      if (link === null || signal.aborted) return;
      const answer = await this.#attach(link);
      if (answer.ok) failures = 0;
      else if (++failures === 1) report(answer, queue.name);
    }
  }

  /** Declares the queue, opens a channel and consumes. */
  async #attach(link: Link): Promise<Answer> {
    const { topology, queue, subscriber, prefetch, limitMs, report } = this.#options;
    const declared = await topology.ensure(link, queue);
    if (!declared.ok) return declared;
    const channel = await link.openChannel();
    if (channel === null) return toFailure(new Error("Connection lost"));

    // With half of the limit left, the broker dead-letters a message only because consumers were lost, not because they closed.
    const copiedFrom = link.countsReturns ? Math.floor(deliveryLimitOf(queue) / 2) : Number.POSITIVE_INFINITY;
    const end = new AbortController();
    channel.once("close", () => end.abort());
    link.lost.addEventListener("abort", () => end.abort(), { once: true });
    const receive = (message: ConsumeMessage | null) => {
      if (message !== null) {
        this.#receive(message, channel, end.signal, copiedFrom);
        return;
      }
      // The queue was deleted, or moved to another node.
      topology.forget(link, queue);
      end.abort();
      void channel.close().catch(() => undefined);
    };
    try {
      await within(channel.prefetch(prefetch), limitMs);
      const { consumerTag } = await within(channel.consume(topology.nameOf(queue, "ready"), receive), limitMs);
      this.#generation = { channel, consumerTag, ended: end.signal };
      // From now on nobody else hears of it: a message that is in hand for too long, say.
      channel.on("error", (error) => report(toFailure(error), queue.name));
    } catch (error) {
      topology.forget(link, queue);
      void channel.close().catch(() => undefined);
      return toFailure(error);
    }
    if (this.#stopping.signal.aborted) await this.close();
    else if (this.#attachments++ > 0) subscriber.resumed();
    return { ok: true, value: undefined };
  }

  /** @param copiedFrom number of counted returns from which on a message goes back as a copy */
  #receive(message: ConsumeMessage, channel: Channel, ended: AbortSignal, copiedFrom: number): void {
    const { subscriber, onStale, queue } = this.#options;
    const goesBackAsCopy = queue.type === "quorum" && countedReturns(message) >= copiedFrom;
    let settled = false;
    const delivery: Delivery = {
      envelope: toEnvelope(message),
      redelivered: wasDelivered(message),
      get live() {
        return !settled && !ended.aborted;
      },
      settle(how) {
        if (settled) return;
        settled = true;
        try {
          if (ended.aborted) onStale();
          else if (how === "ack") channel.ack(message);
          else if (goesBackAsCopy) sendBack();
          else channel.nack(message, false, true);
        } catch {
          // The channel is closing and has not said so yet.
          onStale();
        }
      },
    };
    const sendBack = () => this.#sendBack(message, channel, ended);
    if (this.#stopping.signal.aborted) delivery.settle("release");
    else subscriber.receive(delivery);
  }

  /** Publishes a copy and acknowledges the message: a return that the broker does not count. */
  #sendBack(message: ConsumeMessage, channel: Channel, ended: AbortSignal): void {
    const { publish, queue } = this.#options;
    const copy = async () => {
      // The copy must not be delivered to this consumer again.
      await this.#cancelled;
      const answer = await publish(queue, { ...toEnvelope(message), returned: true }, "ready");
      if (ended.aborted) return;
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

/** Resolves when one of the two aborts. */
function over(first: AbortSignal, second: AbortSignal): Promise<void> {
  const either = AbortSignal.any([first, second]);
  return new Promise((resolve) => {
    if (either.aborted) resolve();
    either.addEventListener("abort", () => resolve(), { once: true });
  });
}
