import {
  type BrokerEvent,
  connectedEvent,
  type DriverHealth,
  done,
  type Failure,
  lateSettlementWarnings,
  type Result,
  type Session,
  type Subscription,
} from "../driver.js";
import { withinTime } from "../timers.js";
import type { FaultInjector, FaultListener } from "./fault-injection.js";
import { MemoryConsumer, type MemoryQueue, type MemoryServer } from "./memory-queue.js";

const CLOSED: Failure = { ok: false, failure: "closed", indeterminate: false };
const DISCONNECTED = unavailable("the broker is unavailable (simulated by faults.goAway)");
const CONNECTION_LOST = unavailable("the connection was lost");
const BLOCKED: Failure = {
  ok: false,
  failure: "timeout",
  reason: "the broker accepts no messages (memory or disk alarm, simulated by faults.block)",
  indeterminate: false,
};

/** Session of one broker object with a memory driver. */
export class MemorySession implements Session, FaultListener {
  readonly ackTimeoutMs = null;
  readonly #server: MemoryServer;
  readonly #faults: FaultInjector;
  readonly #timeoutMs: number;
  readonly #onFailure: (failure: Failure) => void;
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #onAvailable: (available: boolean) => void;
  readonly #waiting = new WaitingCalls();
  /** Open consumers with their queues. */
  readonly #consumers = new Map<MemoryConsumer, MemoryQueue>();
  /** True after the first call. Before that, there is no connection to lose. */
  #used = false;
  #reconnects = 0;
  #lostAt = 0;
  #lateSettlements = 0;
  #closed = false;

  constructor(
    server: MemoryServer,
    faults: FaultInjector,
    timeoutMs: number,
    onFailure: (failure: Failure) => void,
    onEvent: (event: BrokerEvent) => void,
    onAvailable: (available: boolean) => void,
  ) {
    this.#server = server;
    this.#faults = faults;
    this.#timeoutMs = timeoutMs;
    this.#onFailure = onFailure;
    this.#onEvent = onEvent;
    this.#onAvailable = onAvailable;
    faults.addListener(this);
  }

  publish: Session["publish"] = async (queue, envelope, destination) => {
    const faults = this.#faults;
    const store = (): Result => {
      if (destination === "ready" && faults.takeReturnedMessage()) return { ok: false, failure: "unroutable" };
      if (destination === "ready" && this.#server.isFull) {
        return unavailable(`the memory driver is full: it contains ${this.#server.maxMessages} messages (maxMessages)`);
      }
      this.#server.store(queue, envelope, destination);
      return done;
    };
    const onTimeout = () => (faults.disconnected ? DISCONNECTED : BLOCKED);
    return this.#runWhen(() => !faults.disconnected && !faults.blocked, store, onTimeout);
  };

  consume: Session["consume"] = async (queue, subscriber, { prefetch }) =>
    this.#runWhenConnected(() =>
      this.#attach(new MemoryConsumer(subscriber, prefetch, this.#hooks), this.#server.queue(queue)),
    );

  stats: Session["stats"] = async (queue) => this.#runWhenConnected(() => this.#server.queue(queue).stats());

  purge: Session["purge"] = async (queue) => this.#runWhenConnected(() => this.#server.queue(queue).purge());

  listDead: Session["listDead"] = async (queue, limit) =>
    this.#runWhenConnected(() => this.#server.queue(queue).listDead(limit));

  visitDead: Session["visitDead"] = async (queue, visit, { concurrency }) => {
    const result = await this.#runWhenConnected(() => undefined);
    if (result.ok) await this.#server.queue(queue).visitDead(visit, concurrency);
    return result;
  };

  async health(): Promise<DriverHealth> {
    const connected = !this.#closed && !this.#faults.disconnected;
    return {
      latencyMs: connected ? 0 : null,
      blocked: connected && this.#faults.blocked,
      pendingConfirms: 0,
      reconnects: this.#reconnects,
      warnings: lateSettlementWarnings(this.#lateSettlements),
      error: this.#closed ? "this broker object was closed with close()" : connected ? null : DISCONNECTED.reason,
    };
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await this.#waiting.end(graceMs, CLOSED);
    for (const consumer of [...this.#consumers.keys()]) this.#detach(consumer);
    this.#faults.removeListener(this);
  }

  changed(): void {
    if (this.#used) this.#onAvailable(!this.#faults.disconnected && !this.#faults.blocked);
  }

  disconnected(): void {
    if (!this.#used) return;
    for (const [consumer, queue] of this.#consumers) {
      queue.detach(consumer);
      queue.takeBack(consumer);
      if (!consumer.stopped) consumer.subscriber.interrupted?.();
    }
    this.#lostAt = performance.now();
    this.#onFailure(CONNECTION_LOST);
  }

  reconnected(): void {
    if (!this.#used) return;
    this.#reconnects++;
    for (const [consumer, queue] of this.#consumers) {
      if (consumer.stopped) continue;
      queue.attach(consumer);
      consumer.subscriber.resumed();
    }
    this.#onEvent(connectedEvent("memory", { again: true, afterMs: performance.now() - this.#lostAt }));
  }

  recovered(): void {
    this.#waiting.retry();
  }

  readonly #hooks = {
    takeLostAck: () => this.#faults.takeLostAck(),
    onLateSettlement: () => {
      this.#lateSettlements++;
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
    for (const delivery of consumer.unacknowledged) delivery.settle("release");
  }

  async #runWhenConnected<T>(action: () => T): Promise<Result<T>> {
    const faults = this.#faults;
    return this.#runWhen(
      () => !faults.disconnected,
      () => ({ ok: true, value: action() }),
      () => DISCONNECTED,
    );
  }

  #runWhen<T>(
    isPossible: () => boolean,
    action: () => Result<T>,
    onTimeout: () => Failure,
  ): Result<T> | Promise<Result<T>> {
    if (this.#closed) return CLOSED;
    this.#used = true;
    this.changed();
    return this.#waiting.runWhen(isPossible, action, this.#timeoutMs, onTimeout);
  }
}

interface WaitingCall {
  /** Executes the call if it is possible. */
  attempt(): void;
  fail(failure: Failure): void;
}

/** Calls that wait for the end of an injected fault, in their order. */
class WaitingCalls {
  readonly #calls = new Set<WaitingCall>();
  #onIdle: (() => void) | undefined;

  /** Executes `action` as soon as `isPossible` returns true. After `limitMs`, returns the result of `onTimeout` instead. */
  runWhen<T>(
    isPossible: () => boolean,
    action: () => Result<T>,
    limitMs: number,
    onTimeout: () => Failure,
  ): Result<T> | Promise<Result<T>> {
    if (isPossible()) return action();
    return new Promise((resolve) => {
      const finish = (result: Result<T>) => {
        clearTimeout(timer);
        this.#calls.delete(call);
        resolve(result);
        if (this.#calls.size === 0) this.#onIdle?.();
      };
      const call: WaitingCall = { attempt: () => isPossible() && finish(action()), fail: finish };
      const timer = setTimeout(() => finish(onTimeout()), limitMs);
      this.#calls.add(call);
    });
  }

  /** Attempts all waiting calls again. */
  retry(): void {
    for (const call of this.#calls) call.attempt();
  }

  /** Waits up to `graceMs` for all calls. The remaining ones fail with `failure`. */
  async end(graceMs: number, failure: Failure): Promise<void> {
    if (this.#calls.size === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    await withinTime(idle, graceMs);
    for (const call of this.#calls) call.fail(failure);
  }
}

function unavailable(reason: string) {
  return { ok: false, failure: "unavailable", reason, indeterminate: false } as const;
}
