import type { QueueStats } from "../broker.js";
import type { Delivery, Envelope, Subscriber, Visit } from "../driver.js";
import { unref } from "../pause.js";
import { visitInOrder } from "../visiting.js";
import { Fifo } from "./fifo.js";

interface Stored {
  readonly envelope: Envelope;
  readonly redelivered: boolean;
}

/** What may befall deliveries. */
interface Fate {
  losesAck(): boolean;
  /** A delivery was settled that had been taken back. */
  onStale(): void;
}

/** A consumer that is attached to a queue, and what it holds. */
export class MemoryConsumer {
  readonly held = new Set<Delivery>();
  /** Is to get no more, whatever happens to its connection. */
  stopped = false;

  constructor(
    readonly subscriber: Subscriber,
    readonly prefetch: number,
    readonly fate: Fate,
  ) {}
}

/** One queue with its waiting and its dead messages. Every change happens in one turn, so nothing is ever half done. */
export class MemoryQueue {
  readonly #ready = new Fifo<Stored>();
  /** Each with the timer that will make it ready. */
  readonly #delayed = new Map<Envelope, NodeJS.Timeout>();
  readonly #consumers: MemoryConsumer[] = [];
  readonly #dead = new Set<Envelope>();
  /** Dead letters that a call is looking at: no other sees them meanwhile. */
  readonly #visited = new Set<Envelope>();
  #held = 0;
  #dispatching = false;

  get size(): number {
    return this.#ready.size + this.#delayed.size + this.#dead.size + this.#held;
  }

  counts(): QueueStats {
    return {
      ready: this.#ready.size,
      unacked: this.#held,
      delayed: this.#delayed.size,
      dead: this.#dead.size,
      consumers: this.#consumers.length,
    };
  }

  add(envelope: Envelope): void {
    this.#ready.push({ envelope, redelivered: false });
    this.#dispatchSoon();
  }

  addLater(envelope: Envelope, afterMs: number): void {
    const timer = setTimeout(() => {
      this.#delayed.delete(envelope);
      this.add(envelope);
    }, afterMs);
    unref(timer);
    this.#delayed.set(envelope, timer);
  }

  bury(envelope: Envelope): void {
    this.#dead.add(envelope);
  }

  listDead(limit: number): readonly Envelope[] {
    return [...this.#dead].filter((letter) => !this.#visited.has(letter)).slice(0, limit);
  }

  visitDead(visit: Visit, atOnce: number): Promise<void> {
    const letters = [...this.#dead].values();
    const next = async () => {
      for (const letter of letters) if (this.#dead.has(letter) && !this.#visited.has(letter)) return letter;
      return null;
    };
    const visitOne = async (letter: Envelope) => {
      this.#visited.add(letter);
      const wish = await visit(letter);
      this.#visited.delete(letter);
      if (wish === "remove") this.#dead.delete(letter);
      return wish !== "stop";
    };
    return visitInOrder(next, visitOne, atOnce);
  }

  purge(): number {
    const removed = this.#ready.clear() + this.#delayed.size;
    for (const timer of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    return removed;
  }

  attach(consumer: MemoryConsumer): void {
    this.#consumers.push(consumer);
    this.#dispatchSoon();
  }

  detach(consumer: MemoryConsumer): void {
    const index = this.#consumers.indexOf(consumer);
    if (index !== -1) this.#consumers.splice(index, 1);
  }

  /** What a consumer holds, as if its connection had ended: its messages are delivered again, in their order. */
  takeBack(consumer: MemoryConsumer): void {
    const messages = [...consumer.held].reverse();
    consumer.held.clear();
    this.#held -= messages.length;
    for (const { envelope } of messages) this.#ready.putBack({ envelope, redelivered: true });
    this.#dispatchSoon();
  }

  /** In a microtask, so that no handler runs inside the call that published. */
  #dispatchSoon(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    queueMicrotask(() => {
      this.#dispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#ready.size > 0) {
      const index = this.#consumers.findIndex((consumer) => consumer.held.size < consumer.prefetch);
      const [consumer] = index === -1 ? [] : this.#consumers.splice(index, 1);
      const stored = consumer && this.#ready.take();
      if (consumer === undefined || stored === undefined) return;
      // To the end of the line: consumers take turns.
      this.#consumers.push(consumer);
      this.#deliver(stored, consumer);
    }
  }

  #deliver({ envelope, redelivered }: Stored, consumer: MemoryConsumer): void {
    this.#held++;
    const { held, fate } = consumer;
    let settled = false;
    const delivery: Delivery = {
      envelope,
      redelivered,
      get live() {
        return held.has(delivery);
      },
      settle: (how) => {
        if (settled) return;
        settled = true;
        if (!held.delete(delivery)) {
          fate.onStale();
          return;
        }
        this.#held--;
        if (how === "release" || fate.losesAck()) this.#ready.putBack({ envelope, redelivered: true });
        this.#dispatchSoon();
      },
    };
    held.add(delivery);
    consumer.subscriber.receive(delivery);
  }
}
