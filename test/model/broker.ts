import type { Ledger } from "./invariants.js";
import type { Message, Seconds } from "./types.js";

/** Message in a queue. Each publication is a copy of its own. */
export interface Delivery {
  readonly number: number;
  readonly message: Message;
  /** Times that the delivery ended without an acknowledgement. */
  readonly deliveries: number;
  /** Those of them that a closing worker caused. */
  readonly closes: number;
}

/** Message that was dead-lettered. */
export interface DeadLetter extends Delivery {
  /** True if the broker dead-lettered it by itself; false if a worker could not read it. */
  readonly byBroker: boolean;
  /** True if `failRequest` decided about its job, so that no search examines it any more. */
  readonly decided: boolean;
  /** Earliest time of the next search that examines this letter. */
  readonly searchFrom: Seconds;
}

/** Broker with queues, unacknowledged messages and dead letters. */
export class Broker {
  readonly ready = new Map<string, Delivery[]>();
  dead: DeadLetter[] = [];
  readonly #ledger: Ledger;
  readonly #deliveryLimit: number;
  #published = 0;

  constructor(ledger: Ledger, deliveryLimit: number) {
    this.#ledger = ledger;
    this.#deliveryLimit = deliveryLimit;
  }

  queue(name: string): Delivery[] {
    const queue = this.ready.get(name) ?? [];
    this.ready.set(name, queue);
    return queue;
  }

  publish(message: Message): void {
    this.queue(message.queue).push({ number: ++this.#published, message, deliveries: 0, closes: 0 });
  }

  /** Takes a ready message for a consumer. */
  take(delivery: Delivery): void {
    const queue = this.queue(delivery.message.queue);
    queue.splice(queue.indexOf(delivery), 1);
  }

  /** Returns an unacknowledged message to the head of its queue, or dead-letters it after too many deliveries. */
  giveBack(delivery: Delivery, closing: boolean): void {
    this.#ledger.copied(delivery.message);
    const deliveries = delivery.deliveries + 1;
    const returned = { ...delivery, deliveries, closes: delivery.closes + (closing ? 1 : 0) };
    if (deliveries > this.#deliveryLimit) {
      this.#ledger.deadLettered(returned.message, deliveries, returned.closes);
      this.deadLetter(returned, { byBroker: true, decided: false });
    } else this.queue(delivery.message.queue).unshift(returned);
  }

  deadLetter(delivery: Delivery, kind: Pick<DeadLetter, "byBroker" | "decided">): void {
    this.dead.push({ ...delivery, ...kind, searchFrom: 0 });
  }

  discard(letter: DeadLetter): void {
    this.dead = this.dead.filter(({ number }) => number !== letter.number);
  }

  /** Keeps a dead letter, for a later search or permanently. */
  keep(letter: DeadLetter, kind: Partial<Pick<DeadLetter, "decided" | "searchFrom">>): void {
    this.dead = this.dead.map((dead) => (dead.number === letter.number ? { ...dead, ...kind } : dead));
  }

  /** Sends a dead letter back to its queue. */
  redrive(letter: DeadLetter): void {
    this.discard(letter);
    this.queue(letter.message.queue).push({ ...letter, deliveries: 0, closes: 0 });
  }

  /** Replaces unreadable messages in the queues by readable ones, as a repaired schema does. */
  repairSchema(): void {
    for (const [queue, deliveries] of this.ready) {
      this.ready.set(
        queue,
        deliveries.map((delivery) => ({ ...delivery, message: { ...delivery.message, unreadable: false } })),
      );
    }
  }

  /** Loses every message. */
  wipe(): void {
    this.ready.clear();
    this.dead = [];
  }
}
