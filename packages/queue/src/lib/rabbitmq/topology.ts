import type { Channel, Options } from "amqplib";
import { deliveryLimitOf, LARGEST_DELIVERY_LIMIT } from "../definition.js";
import { type Answer, done, type Place, type QueueShape } from "../driver.js";
import { creationCommand } from "./creation-command.js";
import { findDifferences } from "./differences.js";
import type { Link } from "./link.js";

/** A declared queue: its name on the broker, and how it is declared. */
export interface Declaration {
  readonly name: string;
  readonly options: Options.AssertQueue;
}

/**
 * The queues behind a queue `q`: `q` itself, one wait queue per retry delay (`q.wait.1000`), whose messages expire into
 * `q`, and `q.dead`. A wait queue has one fixed time to live: with a time per message, a long one at the head would hold up
 * the short ones behind it. Everything goes through the default exchange.
 */
export class Topology {
  readonly #prefix: string;
  readonly #limitMs: number;
  /** What was declared over a link is not declared again over it. */
  readonly #declared = new WeakMap<Link, Map<string, Promise<Answer>>>();

  constructor(prefix: string, limitMs: number) {
    this.#prefix = prefix;
    this.#limitMs = limitMs;
  }

  nameOf(queue: QueueShape, place: Place): string {
    const name = this.#prefix + queue.name;
    if (place === "ready") return name;
    return place === "dead" ? `${name}.dead` : `${name}.wait.${place.afterMs}`;
  }

  waitNames(queue: QueueShape): readonly string[] {
    return [...new Set(queue.retryDelaysMs)].map((afterMs) => this.nameOf(queue, { afterMs }));
  }

  /** Declares the queue, its dead-letter queue and its wait queues, or checks that they exist. A failure is not cached. */
  ensure(link: Link, queue: QueueShape): Promise<Answer> {
    const declared = this.#declared.get(link) ?? new Map<string, Promise<Answer>>();
    this.#declared.set(link, declared);
    const key = keyOf(queue);
    const declaring =
      declared.get(key) ?? (queue.declare === false ? this.#check(link, queue) : this.#declare(link, queue));
    declared.set(key, declaring);
    void declaring.then((answer) => {
      if (!answer.ok) declared.delete(key);
    });
    return declaring;
  }

  /** The queue turned out to be gone. */
  forget(link: Link, queue: QueueShape): void {
    this.#declared.get(link)?.delete(keyOf(queue));
  }

  async #declare(link: Link, queue: QueueShape): Promise<Answer> {
    const declarations = this.#declarations(queue);
    let current = declarations[0];
    const declareAll = async (channel: Channel) => {
      for (current of declarations) await channel.assertQueue(current.name, current.options);
    };
    const answer = await link.ask(declareAll, this.#limitMs);
    if (answer.ok || answer.failure !== "mismatch" || current === undefined) return answer;
    const { name, options } = current;
    const differences = await findDifferences(link, name, options, answer.mismatch.differences, this.#limitMs);
    return { ok: false, failure: "mismatch", mismatch: { queue: name, differences } };
  }

  /** Checks that the queues exist. Each check has its own channel, because a missing queue closes the channel. */
  async #check(link: Link, queue: QueueShape): Promise<Answer> {
    const missing: Declaration[] = [];
    for (const declaration of this.#declarations(queue)) {
      const answer = await link.ask((channel) => channel.checkQueue(declaration.name), this.#limitMs);
      if (answer.ok) continue;
      if (answer.failure !== "unroutable") return answer;
      missing.push(declaration);
    }
    if (missing.length === 0) return done;
    const command = creationCommand(missing, link.virtualHost);
    return { ok: false, failure: "missing", missing: { queues: missing.map(({ name }) => name), command } };
  }

  /** Dead letters first: no message can need a queue that is not there yet. */
  #declarations(queue: QueueShape): readonly Declaration[] {
    const main = this.nameOf(queue, "ready");
    const dead = this.nameOf(queue, "dead");
    const { type } = queue;
    return [
      // RabbitMQ 4 sets a limit of its own where none is given; looking at a dead letter counts as a delivery.
      declaration(dead, type, type === "quorum" ? { "x-delivery-limit": LARGEST_DELIVERY_LIMIT } : {}),
      declaration(main, type, {
        ...deadLettering(type, dead),
        ...(type === "quorum" && { "x-delivery-limit": deliveryLimitOf(queue) }),
      }),
      ...[...new Set(queue.retryDelaysMs)].map((afterMs) =>
        declaration(this.nameOf(queue, { afterMs }), type, { ...deadLettering(type, main), "x-message-ttl": afterMs }),
      ),
    ];
  }
}

export function keyOf(queue: QueueShape): string {
  const { name, type, declare = true, retryDelaysMs } = queue;
  return [name, type, declare, deliveryLimitOf(queue), ...retryDelaysMs].join(" ");
}

function declaration(name: string, type: QueueShape["type"], settings: Readonly<Record<string, unknown>>): Declaration {
  return { name, options: { durable: true, arguments: { "x-queue-type": type, ...settings } } };
}

/** Quorum queues can hand messages on at-least-once, and only if they may refuse publishers; the default may lose some. */
function deadLettering(type: QueueShape["type"], target: string): Readonly<Record<string, unknown>> {
  return {
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": target,
    ...(type === "quorum" && { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" }),
  };
}
