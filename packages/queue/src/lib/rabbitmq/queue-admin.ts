import type { Channel, GetMessage } from "amqplib";
import type { DeadLetterVisitor, Envelope, QueueConfig, QueueStats, Result } from "../driver.js";
import { pause, withTimeout } from "../timers.js";
import { visitInOrder } from "../visit-in-order.js";
import { toEnvelope } from "./amqp-message.js";
import type { ConnectionManager } from "./connection-manager.js";
import type { Topology } from "./topology.js";

/** A quorum queue counts a returned message a moment later, so the count is polled. */
const RETURN_POLLS = 50;
const RETURN_POLL_MS = 10;

/** Administration of queues: stats, purge and dead letters. */
export class QueueAdmin {
  readonly #connections: ConnectionManager;
  readonly #topology: Topology;
  readonly #limitMs: number;

  constructor(connections: ConnectionManager, topology: Topology, limitMs: number) {
    this.#connections = connections;
    this.#topology = topology;
    this.#limitMs = limitMs;
  }

  stats(queue: QueueConfig): Promise<Result<QueueStats>> {
    return this.#request(queue, this.#limitMs, async (channel) => {
      const ready = await channel.checkQueue(this.#topology.nameOf(queue, "ready"));
      const dead = await channel.checkQueue(this.#topology.nameOf(queue, "dead"));
      let delayed = 0;
      for (const name of this.#topology.waitQueueNames(queue)) delayed += (await channel.checkQueue(name)).messageCount;
      const { messageCount, consumerCount } = ready;
      return { ready: messageCount, unacked: null, delayed, dead: dead.messageCount, consumers: consumerCount };
    });
  }

  purge(queue: QueueConfig): Promise<Result<number>> {
    return this.#request(queue, this.#limitMs, async (channel) => {
      let purged = 0;
      for (const name of [this.#topology.nameOf(queue, "ready"), ...this.#topology.waitQueueNames(queue)]) {
        purged += (await channel.purgeQueue(name)).messageCount;
      }
      return purged;
    });
  }

  listDead(queue: QueueConfig, limit: number): Promise<Result<readonly Envelope[]>> {
    return this.#request(queue, this.#limitMs, async (channel) => {
      const end = performance.now() + this.#limitMs;
      const letters: Envelope[] = [];
      const collect: DeadLetterVisitor = async (letter) => {
        letters.push(letter);
        return letters.length < limit && performance.now() < end ? "keep" : "stop";
      };
      await this.#visitDead(channel, queue, collect, 1);
      return letters;
    });
  }

  visitDead(queue: QueueConfig, visit: DeadLetterVisitor, concurrency: number): Promise<Result> {
    return this.#request(queue, Number.POSITIVE_INFINITY, (channel) =>
      this.#visitDead(channel, queue, visit, concurrency),
    );
  }

  /** Receives dead letters without acknowledgement, and returns those that are kept at the end, in their order. */
  async #visitDead(channel: Channel, queue: QueueConfig, visit: DeadLetterVisitor, concurrency: number): Promise<void> {
    const name = this.#topology.nameOf(queue, "dead");
    const { messageCount: countAtStart } = await withTimeout(channel.checkQueue(name), this.#limitMs);
    let lastKept: GetMessage | undefined;
    let received = 0;
    let removed = 0;
    const next = async () => {
      const message = received++ < countAtStart && (await withTimeout(channel.get(name), this.#limitMs));
      return message === false ? null : message;
    };
    const visitMessage = async (message: GetMessage) => {
      const decision = await visit(toEnvelope(message));
      if (decision === "remove") {
        channel.ack(message);
        removed++;
      } else if (lastKept === undefined || message.fields.deliveryTag > lastKept.fields.deliveryTag) {
        lastKept = message;
      }
      return decision !== "stop";
    };
    await visitInOrder(next, visitMessage, concurrency);
    // A single nack returns this message and all earlier ones, so only the last one is stored.
    if (lastKept !== undefined) channel.nack(lastKept, true, true);
    await this.#waitForReturn(channel, name, countAtStart - removed);
  }

  /** Waits until the returned messages are counted. The wait is limited, because other clients may receive some of them. */
  async #waitForReturn(channel: Channel, name: string, expected: number): Promise<void> {
    for (let poll = 0; poll < RETURN_POLLS; poll++) {
      const { messageCount } = await withTimeout(channel.checkQueue(name), this.#limitMs);
      if (messageCount >= expected) return;
      await pause(RETURN_POLL_MS);
    }
  }

  /** Sends a request. If the queue was deleted since its declaration, declares it again and repeats the request. */
  async #request<T>(queue: QueueConfig, limitMs: number, send: (channel: Channel) => Promise<T>): Promise<Result<T>> {
    const connection = await this.#connections.connected(this.#limitMs);
    if (connection === null) {
      return { ok: false, failure: "unavailable", reason: this.#connections.error, indeterminate: false };
    }
    const declareAndSend = async (): Promise<Result<T>> => {
      const declared = await this.#topology.ensure(connection, queue);
      return declared.ok ? connection.request(send, limitMs) : declared;
    };
    const result = await declareAndSend();
    if (result.ok || result.failure !== "unroutable") return result;
    this.#topology.forget(connection, queue);
    return declareAndSend();
  }
}
