import type {
  DeadLetterVisitor,
  Delivery,
  Destination,
  Envelope,
  QueueConfig,
  QueueStats,
  Subscriber,
} from "../driver.js";
import { unref } from "../timers.js";
import { visitInOrder } from "../visit-in-order.js";

/** All queues of one driver. */
export class MemoryServer {
  readonly #queues = new Map<string, MemoryQueue>();

  constructor(readonly maxMessages: number) {}

  get isFull(): boolean {
    let stored = 0;
    for (const queue of this.#queues.values()) stored += queue.size;
    return stored >= this.maxMessages;
  }

  /** Returns a queue, and creates it if it does not exist. */
  queue({ name }: QueueConfig): MemoryQueue {
    const queue = this.#queues.get(name) ?? new MemoryQueue();
    this.#queues.set(name, queue);
    return queue;
  }

  store(config: QueueConfig, envelope: Envelope, destination: Destination): void {
    const queue = this.queue(config);
    if (destination === "ready") queue.add(envelope);
    else if (destination === "dead") queue.addDead(envelope);
    else queue.addDelayed(envelope, destination.afterMs);
  }
}

interface ReadyMessage {
  readonly envelope: Envelope;
  readonly redelivered: boolean;
}

/** Functions that a consumer's session provides for its deliveries. */
interface DeliveryHooks {
  /** Returns true if the current acknowledgement must be lost. */
  takeLostAck(): boolean;
  /** Called when a delivery is settled after its connection was lost. */
  onLateSettlement(): void;
}

/** Consumer of a queue, with its unacknowledged deliveries. */
export class MemoryConsumer {
  readonly unacknowledged = new Set<Delivery>();
  /** True if the consumer must not receive further messages, not even after a reconnect. */
  stopped = false;

  constructor(
    readonly subscriber: Subscriber,
    readonly prefetch: number,
    readonly hooks: DeliveryHooks,
  ) {}
}

/** Queue with its delayed messages and dead letters. Every change is synchronous, so there are no partial changes. */
export class MemoryQueue {
  readonly #ready = new Fifo<ReadyMessage>();
  /** Delayed messages, each with the timer that makes it ready. */
  readonly #delayed = new Map<Envelope, NodeJS.Timeout>();
  readonly #consumers: MemoryConsumer[] = [];
  readonly #dead = new Set<Envelope>();
  /** Dead letters that a call is visiting. Other calls skip them. */
  readonly #visited = new Set<Envelope>();
  #unacknowledged = 0;
  #dispatchScheduled = false;

  get size(): number {
    return this.#ready.size + this.#delayed.size + this.#dead.size + this.#unacknowledged;
  }

  stats(): QueueStats {
    return {
      ready: this.#ready.size,
      unacked: this.#unacknowledged,
      delayed: this.#delayed.size,
      dead: this.#dead.size,
      consumers: this.#consumers.length,
    };
  }

  add(envelope: Envelope): void {
    this.#ready.push({ envelope, redelivered: false });
    this.#scheduleDispatch();
  }

  addDelayed(envelope: Envelope, afterMs: number): void {
    const timer = setTimeout(() => {
      this.#delayed.delete(envelope);
      this.add(envelope);
    }, afterMs);
    unref(timer);
    this.#delayed.set(envelope, timer);
  }

  addDead(envelope: Envelope): void {
    this.#dead.add(envelope);
  }

  listDead(limit: number): readonly Envelope[] {
    return [...this.#dead].filter((letter) => !this.#visited.has(letter)).slice(0, limit);
  }

  visitDead(visit: DeadLetterVisitor, concurrency: number): Promise<void> {
    const letters = [...this.#dead].values();
    const next = async () => {
      for (const letter of letters) if (this.#dead.has(letter) && !this.#visited.has(letter)) return letter;
      return null;
    };
    const visitLetter = async (letter: Envelope) => {
      this.#visited.add(letter);
      const decision = await visit(letter);
      this.#visited.delete(letter);
      if (decision === "remove") this.#dead.delete(letter);
      return decision !== "stop";
    };
    return visitInOrder(next, visitLetter, concurrency);
  }

  purge(): number {
    const removed = this.#ready.clear() + this.#delayed.size;
    for (const timer of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    return removed;
  }

  attach(consumer: MemoryConsumer): void {
    this.#consumers.push(consumer);
    this.#scheduleDispatch();
  }

  detach(consumer: MemoryConsumer): void {
    const index = this.#consumers.indexOf(consumer);
    if (index !== -1) this.#consumers.splice(index, 1);
  }

  /** Takes back the unacknowledged messages of a consumer, as if its connection were lost. They are redelivered in their order. */
  takeBack(consumer: MemoryConsumer): void {
    const deliveries = [...consumer.unacknowledged].reverse();
    consumer.unacknowledged.clear();
    this.#unacknowledged -= deliveries.length;
    for (const { envelope } of deliveries) this.#ready.putBack({ envelope, redelivered: true });
    this.#scheduleDispatch();
  }

  /** Schedules a dispatch in a microtask, so that no handler runs inside the call that published. */
  #scheduleDispatch(): void {
    if (this.#dispatchScheduled) return;
    this.#dispatchScheduled = true;
    queueMicrotask(() => {
      this.#dispatchScheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#ready.size > 0) {
      const index = this.#consumers.findIndex(({ unacknowledged, prefetch }) => unacknowledged.size < prefetch);
      const [consumer] = index === -1 ? [] : this.#consumers.splice(index, 1);
      const message = consumer && this.#ready.take();
      if (consumer === undefined || message === undefined) return;
      // Moved to the end: the consumers receive messages in turn.
      this.#consumers.push(consumer);
      this.#deliver(message, consumer);
    }
  }

  #deliver({ envelope, redelivered }: ReadyMessage, consumer: MemoryConsumer): void {
    this.#unacknowledged++;
    const { unacknowledged, hooks } = consumer;
    let settled = false;
    const delivery: Delivery = {
      envelope,
      redelivered,
      get live() {
        return unacknowledged.has(delivery);
      },
      settle: (how) => {
        if (settled) return;
        settled = true;
        if (!unacknowledged.delete(delivery)) {
          hooks.onLateSettlement();
          return;
        }
        this.#unacknowledged--;
        if (how !== "ack" || hooks.takeLostAck()) this.#ready.putBack({ envelope, redelivered: true });
        this.#scheduleDispatch();
      },
    };
    unacknowledged.add(delivery);
    consumer.subscriber.receive(delivery);
  }
}

/** First-in-first-out queue. An item that is put back is the next one to take. */
class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  putBack(item: T): void {
    if (this.#head === 0) this.#items.unshift(item);
    else this.#items[--this.#head] = item;
  }

  take(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head++];
    // The remaining items are copied only after as many were taken, so the average cost is constant.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Removes all items. Returns their number. */
  clear(): number {
    const { size } = this;
    this.#items = [];
    this.#head = 0;
    return size;
  }
}
