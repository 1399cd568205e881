import { setTimeout as pause } from "node:timers/promises";
import type { Channel, GetMessage } from "amqplib";
import type { QueueStats } from "../broker.js";
import type { Answer, Envelope, QueueShape, Visit } from "../driver.js";
import { visitInOrder } from "../visiting.js";
import { within } from "../within.js";
import type { Connection } from "./connection.js";
import type { Topology } from "./topology.js";
import { toEnvelope } from "./wire.js";

/** A quorum queue counts a message that was given back a moment later. */
const RETURN_POLLS = 50;
const RETURN_POLL_MS = 10;

/** What is asked about queues, and done to them, besides publishing and consuming. */
export class Inspection {
  readonly #connection: Connection;
  readonly #topology: Topology;
  readonly #limitMs: number;

  constructor(connection: Connection, topology: Topology, limitMs: number) {
    this.#connection = connection;
    this.#topology = topology;
    this.#limitMs = limitMs;
  }

  stats(queue: QueueShape): Promise<Answer<QueueStats>> {
    return this.#ask(queue, this.#limitMs, async (channel) => {
      const ready = await channel.checkQueue(this.#topology.nameOf(queue, "ready"));
      const dead = await channel.checkQueue(this.#topology.nameOf(queue, "dead"));
      let delayed = 0;
      for (const name of this.#topology.waitNames(queue)) delayed += (await channel.checkQueue(name)).messageCount;
      const { messageCount, consumerCount } = ready;
      return { ready: messageCount, unacked: null, delayed, dead: dead.messageCount, consumers: consumerCount };
    });
  }

  purge(queue: QueueShape): Promise<Answer<number>> {
    return this.#ask(queue, this.#limitMs, async (channel) => {
      let purged = 0;
      for (const name of [this.#topology.nameOf(queue, "ready"), ...this.#topology.waitNames(queue)]) {
        purged += (await channel.purgeQueue(name)).messageCount;
      }
      return purged;
    });
  }

  listDead(queue: QueueShape, limit: number): Promise<Answer<readonly Envelope[]>> {
    return this.#ask(queue, this.#limitMs, async (channel) => {
      const end = performance.now() + this.#limitMs;
      const letters: Envelope[] = [];
      const list: Visit = async (letter) => {
        letters.push(letter);
        return letters.length < limit && performance.now() < end ? "keep" : "stop";
      };
      await this.#visitDead(channel, queue, list, 1);
      return letters;
    });
  }

  visitDead(queue: QueueShape, visit: Visit, atOnce: number): Promise<Answer> {
    return this.#ask(queue, Number.POSITIVE_INFINITY, (channel) => this.#visitDead(channel, queue, visit, atOnce));
  }

  /** Takes letters in hand and gives all that are kept back at the end, in their old order. */
  async #visitDead(channel: Channel, queue: QueueShape, visit: Visit, atOnce: number): Promise<void> {
    const name = this.#topology.nameOf(queue, "dead");
    const { messageCount: atStart } = await within(channel.checkQueue(name), this.#limitMs);
    let lastKept: GetMessage | undefined;
    let seen = 0;
    let removed = 0;
    const next = async () => {
      const message = seen++ < atStart && (await within(channel.get(name), this.#limitMs));
      return message === false ? null : message;
    };
    const visitOne = async (message: GetMessage) => {
      const wish = await visit(toEnvelope(message));
      if (wish === "remove") {
        channel.ack(message);
        removed++;
      } else if (lastKept === undefined || message.fields.deliveryTag > lastKept.fields.deliveryTag) {
        lastKept = message;
      }
      return wish !== "stop";
    };
    await visitInOrder(next, visitOne, atOnce);
    // One word gives back this message and all before it, so that no other has to be kept in memory.
    if (lastKept !== undefined) channel.nack(lastKept, true, true);
    await this.#returned(channel, name, atStart - removed);
  }

  /** Others may take some meanwhile, so it does not wait for ever. */
  async #returned(channel: Channel, name: string, expected: number): Promise<void> {
    for (let poll = 0; poll < RETURN_POLLS; poll++) {
      const { messageCount } = await within(channel.checkQueue(name), this.#limitMs);
      if (messageCount >= expected) return;
      await pause(RETURN_POLL_MS);
    }
  }

  /** Where a queue turns out to be gone although it was declared once, it is declared again and the question repeated. */
  async #ask<T>(queue: QueueShape, limitMs: number, question: (channel: Channel) => Promise<T>): Promise<Answer<T>> {
    const link = await this.#connection.linked(this.#limitMs);
    if (link === null) {
      return { ok: false, failure: "unavailable", reason: this.#connection.fault, indeterminate: false };
    }
    const ensureAndAsk = async (): Promise<Answer<T>> => {
      const declared = await this.#topology.ensure(link, queue);
      return declared.ok ? link.ask(question, limitMs) : declared;
    };
    const answer = await ensureAndAsk();
    if (answer.ok || answer.failure !== "unroutable") return answer;
    this.#topology.forget(link, queue);
    return ensureAndAsk();
  }
}
