import { type BrokerEvent, connected } from "../broker-event.js";
import { type Answer, type DriverHealth, done, type Failure, type Session, type Subscription } from "../driver.js";
import type { Client, Faults } from "./faults.js";
import { MemoryConsumer, type MemoryQueue } from "./memory-queue.js";
import type { MemoryServer } from "./memory-server.js";
import { Waiting } from "./waiting.js";

const CLOSED: Failure = { ok: false, failure: "closed", indeterminate: false };
const AWAY = unavailable("the memory driver is away, see faults.goAway");
const CUT = unavailable("the connection was lost");
const BLOCKED: Failure = {
  ok: false,
  failure: "timeout",
  reason: "the broker takes no messages for now (memory or disk alarm), see faults.block",
  indeterminate: false,
};

/** One broker's side of a memory driver. */
export class MemorySession implements Session, Client {
  readonly ackTimeoutMs = null;
  readonly #server: MemoryServer;
  readonly #faults: Faults;
  readonly #timeoutMs: number;
  readonly #report: (failure: Failure) => void;
  readonly #tell: (event: BrokerEvent) => void;
  readonly #waiting = new Waiting();
  /** Not yet closed, with their queues. */
  readonly #consumers = new Map<MemoryConsumer, MemoryQueue>();
  /** There is no connection to lose before the first call. */
  #used = false;
  #reconnects = 0;
  #lostAt = 0;
  #stale = 0;
  #closed = false;

  constructor(
    server: MemoryServer,
    faults: Faults,
    timeoutMs: number,
    report: (failure: Failure) => void,
    tell: (event: BrokerEvent) => void,
  ) {
    this.#server = server;
    this.#faults = faults;
    this.#timeoutMs = timeoutMs;
    this.#report = report;
    this.#tell = tell;
    faults.meet(this);
  }

  publish: Session["publish"] = async (queue, envelope, place) => {
    const faults = this.#faults;
    const store = (): Answer => {
      if (place === "ready" && faults.returnsMessage()) return { ok: false, failure: "unroutable" };
      if (place === "ready" && this.#server.isFull) {
        return unavailable(`the memory driver is full: it holds ${this.#server.maxMessages} messages, see maxMessages`);
      }
      this.#server.store(queue, envelope, place);
      return done;
    };
    const late = () => (faults.away ? AWAY : BLOCKED);
    return this.#act(() => !faults.away && !faults.blocked, store, late);
  };

  consume: Session["consume"] = async (queue, subscriber, { prefetch }) =>
    this.#whenThere(() =>
      this.#attach(new MemoryConsumer(subscriber, prefetch, this.#fate), this.#server.queue(queue)),
    );

  stats: Session["stats"] = async (queue) => this.#whenThere(() => this.#server.queue(queue).counts());

  purge: Session["purge"] = async (queue) => this.#whenThere(() => this.#server.queue(queue).purge());

  listDead: Session["listDead"] = async (queue, limit) =>
    this.#whenThere(() => this.#server.queue(queue).listDead(limit));

  visitDead: Session["visitDead"] = async (queue, visit, { atOnce }) => {
    const answer = await this.#whenThere(() => undefined);
    if (answer.ok) await this.#server.queue(queue).visitDead(visit, atOnce);
    return answer;
  };

  async health(): Promise<DriverHealth> {
    const there = !this.#closed && !this.#faults.away;
    const stale = `${this.#stale} messages were settled after their connection was lost, and were delivered again`;
    return {
      latencyMs: there ? 0 : null,
      blocked: there && this.#faults.blocked,
      pendingConfirms: 0,
      reconnects: this.#reconnects,
      warnings: this.#stale === 0 ? [] : [stale],
      fault: this.#closed ? "the broker object is closed" : there ? null : AWAY.reason,
    };
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await this.#waiting.end(graceMs, CLOSED);
    for (const consumer of [...this.#consumers.keys()]) this.#detach(consumer);
    this.#faults.spare(this);
  }

  disconnected(): void {
    if (!this.#used) return;
    for (const [consumer, queue] of this.#consumers) {
      queue.detach(consumer);
      queue.takeBack(consumer);
    }
    this.#lostAt = performance.now();
    this.#report(CUT);
  }

  reconnected(): void {
    if (!this.#used) return;
    this.#reconnects++;
    for (const [consumer, queue] of this.#consumers) {
      if (consumer.stopped) continue;
      queue.attach(consumer);
      consumer.subscriber.resumed();
    }
    this.#tell(connected("memory", { again: true, afterMs: performance.now() - this.#lostAt }));
  }

  recovered(): void {
    this.#waiting.lookAgain();
  }

  readonly #fate = {
    losesAck: () => this.#faults.losesAck(),
    onStale: () => {
      this.#stale++;
    },
  };

  #attach(consumer: MemoryConsumer, queue: MemoryQueue): Subscription {
    this.#consumers.set(consumer, queue);
    queue.attach(consumer);
    return {
      stop: async () => {
        consumer.stopped = true;
        queue.detach(consumer);
      },
      close: async () => this.#detach(consumer),
    };
  }

  #detach(consumer: MemoryConsumer): void {
    this.#consumers.get(consumer)?.detach(consumer);
    this.#consumers.delete(consumer);
    for (const delivery of consumer.held) delivery.settle("release");
  }

  async #whenThere<T>(action: () => T): Promise<Answer<T>> {
    const faults = this.#faults;
    return this.#act(
      () => !faults.away,
      () => ({ ok: true, value: action() }),
      () => AWAY,
    );
  }

  #act<T>(isPossible: () => boolean, action: () => Answer<T>, late: () => Failure): Answer<T> | Promise<Answer<T>> {
    if (this.#closed) return CLOSED;
    this.#used = true;
    return this.#waiting.act(isPossible, action, this.#timeoutMs, late);
  }
}

function unavailable(reason: string) {
  return { ok: false, failure: "unavailable", reason, indeterminate: false } as const;
}
