import type { ConsumeMessage } from "amqplib";
import {
  type Delivery,
  done,
  type Envelope,
  type Failure,
  type QueueConfig,
  type Result,
  type Settlement,
  type Subscriber,
  type Subscription,
} from "../driver.js";
import { pause, withinTime, withTimeout } from "../timers.js";
import type { AmqpConnection } from "./amqp-connection.js";
import { toFailure } from "./amqp-errors.js";
import { countedReturns, toEnvelope, wasDelivered } from "./amqp-message.js";
import { backoffMs, type ConnectionManager } from "./connection-manager.js";
import { ConsumerChannel } from "./consumer-channel.js";
import type { Publisher } from "./publisher.js";
import type { Topology } from "./topology.js";

export interface SubscriptionOptions {
  readonly connections: ConnectionManager;
  readonly topology: Topology;
  readonly queue: QueueConfig;
  readonly subscriber: Subscriber;
  readonly prefetch: number;
  readonly limitMs: number;
  readonly report: (failure: Failure, queue: string) => void;
  /** Publishes the copy of a returned message. */
  readonly publish: Publisher["publish"];
  /** Called when a message is settled after its channel closed. */
  readonly onLateSettlement: () => void;
}

/** Subscription to one queue. It uses one channel at a time and replaces a closed one, until `close`. */
export class RabbitmqSubscription implements Subscription {
  readonly #options: SubscriptionOptions;
  readonly #stopping = new AbortController();
  #current: ConsumerChannel | null = null;
  /** Ends the wait of `#run` for a closed channel. */
  #wake: () => void = () => {};
  #attachments = 0;
  /** Resolves when the consumer is cancelled. undefined: no cancellation has begun. */
  #cancelled: Promise<void> | undefined;
  /** Pending returns of messages. */
  readonly #returning = new Set<Promise<void>>();

  /** Starts consuming. Returns a failure if that does not succeed within the time limit. */
  static async open(options: SubscriptionOptions): Promise<Result<RabbitmqSubscription>> {
    const subscription = new RabbitmqSubscription(options);
    const attached = await subscription.#attachFirst();
    if (!attached.ok) {
      await subscription.close(0);
      return attached;
    }
    void subscription.#run();
    return { ok: true, value: subscription };
  }

  private constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    if (this.#current?.closed === false) this.#cancelled ??= this.#current.cancel();
    await this.#cancelled;
  }

  async close(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs;
    const stopped = this.stop();
    const current = this.#current;
    if (current === null) return;
    await withinTime(
      stopped.then(() => this.#allReturned()),
      limitMs,
    );
    await withinTime(current.close(), end - performance.now());
  }

  async #allReturned(): Promise<void> {
    while (this.#returning.size > 0) await Promise.all(this.#returning);
  }

  async #attachFirst(): Promise<Result> {
    const { connections, limitMs } = this.#options;
    const { signal } = this.#stopping;
    const end = performance.now() + limitMs;
    let result: Result = { ok: false, failure: "unavailable", reason: connections.error, indeterminate: false };
    for (let failures = 1, leftMs = limitMs; leftMs > 0 && !signal.aborted; failures++) {
      const connection = await connections.connected(leftMs, signal);
      if (connection === null) break;
      result = await this.#attach(connection);
      if (result.ok || isPermanent(result)) return result;
      const pauseMs = Math.min(backoffMs(failures), Math.max(0, end - performance.now()));
      await pause(pauseMs, { signal });
      leftMs = end - performance.now();
    }
    if (result.ok || connections.connection !== null) return result;
    return { ok: false, failure: "unavailable", reason: connections.error, indeterminate: false };
  }

  /** Replaces the channel whenever it closes, until the subscription stops. */
  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { connections, report, queue } = this.#options;
    let failures = 0;
    let reported: Failure["failure"] | null = null;
    while (!signal.aborted) {
      await this.#channelClosed();
      if (failures > 0) await pause(backoffMs(failures), { signal });
      const connection = await connections.connected(Number.POSITIVE_INFINITY, signal);
      if (connection === null || signal.aborted) return;
      const result = await this.#attach(connection);
      if (result.ok) {
        failures = 0;
        reported = null;
      } else if (++failures === 1 || (isPermanent(result) && result.failure !== reported)) {
        report(result, queue.name);
        reported = result.failure;
      }
    }
  }

  /** Resolves when the current channel is closed, or when the subscription stops. */
  #channelClosed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#stopping.signal.aborted || (this.#current?.closed ?? true)) resolve();
    });
  }

  /** Declares the queue, opens a channel and consumes. */
  async #attach(connection: AmqpConnection): Promise<Result> {
    const { topology, queue, subscriber, prefetch, limitMs, report, onLateSettlement } = this.#options;
    const declared = await topology.ensure(connection, queue);
    if (!declared.ok) return declared;
    const channel = await connection.openChannel();
    if (channel === null || connection.lost !== null) return toFailure(new Error("Connection lost"));

    const onClosed = () => {
      if (this.#current === current && !this.#stopping.signal.aborted) subscriber.interrupted?.();
      this.#wake();
    };
    const current = new ConsumerChannel(channel, connection, queue, prefetch, onClosed, onLateSettlement);
    let notified = false;
    const notifyResumed = () => {
      if (notified) return;
      notified = true;
      if (this.#attachments++ > 0) subscriber.resumed();
    };
    const receive = (message: ConsumeMessage | null) => {
      if (message !== null) {
        // A message can arrive before the promise of `consume` resolves.
        notifyResumed();
        this.#receive(message, current);
        return;
      }
      if (current.unsettled > 0) report(cancelledByBroker(current), queue.name);
      topology.forget(connection, queue);
      current.markClosed();
      void channel.close().catch(() => undefined);
    };
    try {
      await withTimeout(channel.prefetch(prefetch), limitMs);
      const { consumerTag } = await withTimeout(channel.consume(topology.nameOf(queue, "ready"), receive), limitMs);
      current.started(consumerTag);
      this.#current = current;
      // From now on, no call returns the error of the channel, for example after an acknowledgement timeout.
      channel.on("error", (error) => report(toFailure(error), queue.name));
    } catch (error) {
      topology.forget(connection, queue);
      current.markClosed();
      void channel.close().catch(() => undefined);
      return toFailure(error);
    }
    if (this.#stopping.signal.aborted) await this.close(limitMs);
    else notifyResumed();
    return done;
  }

  #receive(message: ConsumeMessage, current: ConsumerChannel): void {
    current.received(message.fields.deliveryTag);
    const delivery = new RabbitmqDelivery(message, current, this.#returnCopy);
    if (this.#stopping.signal.aborted) this.#untilReturned(this.#returnLate(delivery));
    else this.#options.subscriber.receive(delivery);
  }

  /** Settles a message that arrived after `stop`. Returned earlier, it could be delivered to this consumer again. */
  async #returnLate(delivery: Delivery): Promise<void> {
    await this.#cancelled;
    if (delivery.live) delivery.settle(this.#options.subscriber.late);
  }

  #untilReturned(returning: Promise<void>): void {
    const ended = returning.finally(() => this.#returning.delete(ended));
    this.#returning.add(ended);
  }

  /** Publishes a copy and then acknowledges the message. The broker does not count such a return. */
  readonly #returnCopy = (deliveryTag: number, envelope: Envelope, current: ConsumerChannel): void => {
    const { publish, queue } = this.#options;
    current.startReturn(deliveryTag);
    const returnCopy = async () => {
      // The copy must not be delivered to this consumer again.
      await this.#cancelled;
      // A retried message contains the `x-death` of its wait queue. The copy must not, because it can be dead-lettered for another
      // reason.
      const result = await publish(queue, { ...envelope, death: null, returned: true }, "ready");
      if (current.closed) return;
      if (result.ok) current.acknowledge(deliveryTag);
      else current.release(deliveryTag);
    };
    this.#untilReturned(returnCopy());
  };
}

/** Delivery of a message on one channel. */
class RabbitmqDelivery implements Delivery {
  readonly envelope: Envelope;
  readonly redelivered: boolean;
  readonly #tag: number;
  readonly #countedReturns: number;
  readonly #channel: ConsumerChannel;
  readonly #returnCopy: (deliveryTag: number, envelope: Envelope, channel: ConsumerChannel) => void;
  #settled = false;

  constructor(
    message: ConsumeMessage,
    channel: ConsumerChannel,
    returnCopy: (deliveryTag: number, envelope: Envelope, channel: ConsumerChannel) => void,
  ) {
    this.envelope = toEnvelope(message);
    this.redelivered = wasDelivered(message);
    this.#tag = message.fields.deliveryTag;
    this.#countedReturns = countedReturns(message);
    this.#channel = channel;
    this.#returnCopy = returnCopy;
  }

  get live(): boolean {
    return !this.#settled && !this.#channel.closed;
  }

  settle(how: Settlement): void {
    if (this.#settled) return;
    this.#settled = true;
    if (how === "ack") this.#channel.acknowledge(this.#tag);
    else if (this.#returnsAsCopy(how)) this.#returnCopy(this.#tag, this.envelope, this.#channel);
    else this.#channel.release(this.#tag);
  }

  /** Returns true if the message must be returned as a copy, because the broker counts a release towards the delivery limit. */
  #returnsAsCopy(how: "release" | "return"): boolean {
    const { closed, countsReturns, copyFromReturns } = this.#channel;
    if (closed) return false;
    return how === "return" ? countsReturns : this.#countedReturns >= copyFromReturns;
  }
}

/**
 * Creates the failure of a consumer that RabbitMQ cancelled. It does so if the queue was deleted. From 4.3 on, it also does so if a
 * message stays unacknowledged for longer than `consumer_timeout`, and redelivers the message. Earlier versions close the channel
 * with an error.
 */
function cancelledByBroker({ unsettled, oldestReceivedAt }: ConsumerChannel): Failure {
  const forMs = Math.round(performance.now() - oldestReceivedAt);
  const reason =
    `RabbitMQ cancelled the consumer, which had ${unsettled} unacknowledged ${unsettled === 1 ? "message" : "messages"} for up to ${forMs} ms: ` +
    "either the acknowledgement timed out (consumer_timeout), or the queue was deleted";
  return { ok: false, failure: "unavailable", reason, indeterminate: false };
}

/** Returns true for a failure that a repeated call would return again. */
function isPermanent({ failure }: Failure): boolean {
  return failure === "mismatch" || failure === "missing" || failure === "denied";
}
