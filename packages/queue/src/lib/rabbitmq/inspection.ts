import { setTimeout as pause } from "node:timers/promises";
import type { Channel, GetMessage } from "amqplib";
import type { QueueStats } from "../broker.js";
import type { Answer, Envelope, QueueShape } from "../driver.js";
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

  /** Takes the letters in hand one by one and gives all that are kept back at the end, in their old order. */
  visitDead(queue: QueueShape, visit: (letter: Envelope) => Promise<"keep" | "remove" | "stop">): Promise<Answer> {
    const name = this.#topology.nameOf(queue, "dead");
    // As long as the visits take, but no single question longer than the limit.
    return this.#ask(queue, Number.POSITIVE_INFINITY, async (channel) => {
      const { messageCount: atStart } = await within(channel.checkQueue(name), this.#limitMs);
      let lastKept: GetMessage | null = null;
      let removed = 0;
      for (let seen = 0; seen < atStart; seen++) {
        const message = await within(channel.get(name), this.#limitMs);
        if (message === false) break;
        const wish = await visit(toEnvelope(message));
        if (wish === "remove") {
          channel.ack(message);
          removed++;
        } else {
          lastKept = message;
        }
        if (wish === "stop") break;
      }
      // One word gives back this message and all before it.
      if (lastKept !== null) channel.nack(lastKept, true, true);
      await this.#returned(channel, name, atStart - removed);
    });
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
    const link = await this.#connection.linked(AbortSignal.timeout(this.#limitMs));
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
