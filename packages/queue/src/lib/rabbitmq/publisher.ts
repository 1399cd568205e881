import type { ConfirmChannel, Message } from "amqplib";
import { type Destination, done, type QueueConfig, type Result } from "../driver.js";
import { isError } from "../errors.js";
import { withinTime } from "../timers.js";
import type { AmqpConnection } from "./amqp-connection.js";
import { toFailure } from "./amqp-errors.js";
import { type OutgoingEnvelope, toContent, toProperties } from "./amqp-message.js";
import type { ConnectionManager } from "./connection-manager.js";
import { Deadlines, PendingPublish } from "./pending-publish.js";
import { keyOf, type Topology } from "./topology.js";

/** Names of the errors of amqplib for a message that it cannot encode. The errors may be of another realm. */
const ENCODING_ERRORS: ReadonlySet<string> = new Set(["RangeError", "TypeError"]);

export interface PublisherOptions {
  readonly timeoutMs: number;
  readonly maxPendingConfirms: number;
}

/**
 * Publishes messages on one confirm channel, at most `maxPendingConfirms` unconfirmed at a time. Sends unconfirmed messages again
 * after a reconnect. A message that timed out still counts as unconfirmed until its confirm arrives, so that a broker that has
 * stopped reading does not receive more and more messages.
 */
export class Publisher {
  readonly #connections: ConnectionManager;
  readonly #topology: Topology;
  readonly #options: PublisherOptions;
  readonly #deadlines: Deadlines<PendingPublish>;
  readonly #onFinished = (publish: PendingPublish) => this.#deadlines.delete(publish);
  #channel: ConfirmChannel | null = null;
  #connection: AmqpConnection | null = null;
  /** True while the write buffer of amqplib is full. */
  #bufferFull = false;
  #nextTag = 1;
  /** Sent messages by delivery tag. */
  readonly #unconfirmed = new Map<number, PendingPublish>();
  /** Messages to send, in order. */
  #waiting = new Set<PendingPublish>();
  /** Messages that wait for the declaration of their queue, by queue key. */
  readonly #undeclared = new Map<string, PendingPublish[]>();
  /** Names of queues that were declared on the current connection. */
  readonly #declared = new Set<string>();
  #onIdle: (() => void) | undefined;

  constructor(connections: ConnectionManager, topology: Topology, options: PublisherOptions) {
    this.#connections = connections;
    this.#topology = topology;
    this.#options = options;
    this.#deadlines = new Deadlines(options.timeoutMs, (publish) => this.#expire(publish));
    connections.onConnection((connection) => {
      if (this.#channel !== null) this.#channelClosed(null);
      this.#connection = connection;
      this.#declared.clear();
      connection.onBlockedChange(() => this.#sendWaiting());
      void this.#openChannel(connection);
    });
  }

  get unconfirmed(): number {
    return this.#unconfirmed.size;
  }

  publish(queue: QueueConfig, envelope: OutgoingEnvelope, destination: Destination): Promise<Result> {
    this.#connections.start();
    const publish = new PendingPublish(queue, this.#topology.nameOf(queue, destination), envelope, this.#onFinished);
    this.#deadlines.add(publish);
    this.#waiting.add(publish);
    this.#sendWaiting();
    return publish.result;
  }

  /** Waits up to `limitMs` for all pending messages. Fails the remaining ones with "closed". */
  async flush(limitMs: number): Promise<void> {
    if (this.#pending().length === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    await withinTime(idle, limitMs);
    for (const publish of this.#pending()) {
      publish.finish({ ok: false, failure: "closed", indeterminate: publish.sent });
    }
    this.#waiting.clear();
    this.#undeclared.clear();
  }

  /** Returns all messages without a result. */
  #pending(): PendingPublish[] {
    const all = [...this.#unconfirmed.values(), ...this.#waiting, ...[...this.#undeclared.values()].flat()];
    return all.filter((publish) => !publish.finished);
  }

  async #openChannel(connection: AmqpConnection): Promise<void> {
    const channel = await connection.openConfirmChannel();
    if (channel === null || connection.lost !== null) return;
    let channelError: unknown = null;
    channel.on("error", (error) => {
      channelError = error;
    });
    channel.on("close", () => {
      if (this.#channel !== channel) return;
      this.#channelClosed(channelError);
      // A channel also closes with its connection, and emits "close" before the connection does.
      queueMicrotask(() => {
        if (connection.lost === null) void this.#openChannel(connection);
      });
    });
    channel.on("ack", ({ deliveryTag, multiple }) => this.#onConfirms(deliveryTag, multiple, true));
    channel.on("nack", ({ deliveryTag, multiple }) => this.#onConfirms(deliveryTag, multiple, false));
    channel.on("return", (message: Message) => this.#onReturn(message));
    channel.on("drain", () => {
      this.#bufferFull = false;
      this.#sendWaiting();
    });
    this.#channel = channel;
    this.#bufferFull = false;
    this.#nextTag = 1;
    this.#sendWaiting();
  }

  /** Sends waiting messages in order until a limit is reached. */
  #sendWaiting(): void {
    const connection = this.#connection;
    if (this.#channel === null || connection === null || connection.blocked || this.#bufferFull) return;
    for (const publish of this.#waiting) {
      if (!this.#declared.has(publish.target)) {
        this.#waiting.delete(publish);
        this.#declareFor(connection, publish);
        continue;
      }
      if (!this.#canSend(publish)) return;
      this.#waiting.delete(publish);
      this.#send(this.#channel, publish);
      if (this.#channel === null || this.#bufferFull) return;
    }
  }

  #canSend(publish: PendingPublish): boolean {
    if (this.#unconfirmed.size === 0) return true;
    const [first] = this.#unconfirmed.values();
    if (publish.suspect || first?.suspect) return false;
    return this.#unconfirmed.size < this.#options.maxPendingConfirms;
  }

  #send(channel: ConfirmChannel, publish: PendingPublish): void {
    try {
      this.#bufferFull = !this.#write(channel, publish);
    } catch (error) {
      // Nothing was written: the message cannot be encoded, or the channel is closed.
      if (isEncodingError(error)) {
        publish.finish(toFailure(error));
        return;
      }
      this.#waiting = new Set([publish, ...this.#waiting]);
      this.#connection?.drop("its channel closed without an event");
      this.#channelClosed(null);
      return;
    }
    publish.sent = true;
    publish.returned = false;
    this.#unconfirmed.set(this.#nextTag++, publish);
  }

  #write(channel: ConfirmChannel, { envelope, target }: PendingPublish): boolean {
    const content = toContent(envelope);
    try {
      return channel.publish("", target, content, toProperties(envelope));
    } catch (error) {
      // Without a copy, the consumer could neither retry nor dead-letter this message.
      if (envelope.original === undefined || !isEncodingError(error)) throw error;
      return channel.publish("", target, content, toProperties(envelope, false));
    }
  }

  #declareFor(connection: AmqpConnection, publish: PendingPublish): void {
    const key = keyOf(publish.queue);
    const others = this.#undeclared.get(key);
    if (others !== undefined) {
      others.push(publish);
      return;
    }
    this.#undeclared.set(key, [publish]);
    void this.#topology.ensure(connection, publish.queue).then((result) => {
      const publishes = (this.#undeclared.get(key) ?? []).filter((each) => !each.finished);
      this.#undeclared.delete(key);
      const repeat = connection.lost !== null || (!result.ok && result.failure === "timeout");
      for (const each of publishes) {
        if (result.ok && !repeat) this.#declared.add(each.target);
        if (result.ok || repeat) this.#waiting.add(each);
        else each.finish(result);
      }
      this.#checkIdle();
      this.#sendWaiting();
    });
  }

  #onConfirms(tag: number, multiple: boolean, accepted: boolean): void {
    // The keys are in the order of the tags.
    for (const each of multiple ? this.#unconfirmed.keys() : [tag]) {
      if (each > tag) break;
      const publish = this.#unconfirmed.get(each);
      this.#unconfirmed.delete(each);
      if (publish !== undefined) this.#onConfirm(publish, accepted);
    }
    this.#checkIdle();
    this.#sendWaiting();
  }

  #onConfirm(publish: PendingPublish, accepted: boolean): void {
    if (publish.returned) {
      this.#declared.delete(publish.target);
      if (this.#connection !== null) this.#topology.forget(this.#connection, publish.queue);
      publish.finish({ ok: false, failure: "unroutable" });
    } else if (accepted) {
      publish.finish(done);
    } else {
      const reason = "the broker rejected the message (nack): the queue is full, or the message could not be stored";
      publish.finish({ ok: false, failure: "unavailable", reason, indeterminate: false });
    }
  }

  /** Marks a returned message. The confirm follows. If two messages have the same id and queue, both are returned. */
  #onReturn({ fields, properties }: Message): void {
    for (const publish of this.#unconfirmed.values()) {
      if (publish.envelope.id !== properties.messageId || publish.target !== fields.routingKey) continue;
      if (publish.returned) continue;
      publish.returned = true;
      return;
    }
  }

  /**
   * Puts the messages of a closed channel at the front of the waiting ones. If the broker closed the channel because of an invalid
   * message, it does not report which one. A single message is then the invalid one. Several messages are sent again one at a
   * time, so that only the invalid one fails.
   *
   * @param error error of the channel; null if it closed without one
   */
  #channelClosed(error: unknown): void {
    this.#channel = null;
    const inFlight = [...this.#unconfirmed.values()];
    this.#unconfirmed.clear();
    if (error !== null) {
      for (const publish of inFlight) publish.suspect = true;
      if (inFlight.length === 1) inFlight[0]?.finish(toFailure(error));
    }
    this.#waiting = new Set([...inFlight.filter((publish) => !publish.finished), ...this.#waiting]);
    this.#checkIdle();
  }

  #expire(publish: PendingPublish): void {
    this.#waiting.delete(publish);
    if (this.#connections.connection === null) publish.fail("unavailable", this.#connections.error);
    else if (this.#connection?.blocked) publish.fail("timeout", "RabbitMQ accepts no messages (memory or disk alarm)");
    else publish.fail("timeout", `no confirm arrived within ${this.#options.timeoutMs} ms`);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#onIdle !== undefined && this.#pending().length === 0) this.#onIdle();
  }
}

function isEncodingError(error: unknown): boolean {
  return isError(error) && ENCODING_ERRORS.has(error.name);
}
