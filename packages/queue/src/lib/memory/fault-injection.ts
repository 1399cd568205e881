import { checkInteger } from "../arguments.js";

/** Fault injection for tests of publishers and consumers. A fault affects all brokers that use the driver. */
export interface MemoryFaults {
  /**
   * Drops every connection once; the brokers reconnect immediately. Unacknowledged messages are redelivered. If the handler of such
   * a message is still running, it is not started again: the redelivery replaces its delivery.
   */
  dropConnections(): void;
  /**
   * Drops every connection and accepts no new one until `comeBack`. Calls wait for that up to the driver's `timeoutMs` and then fail
   * with UNAVAILABLE. Stored messages stay.
   */
  goAway(): void;
  /** Accepts connections again. Waiting calls are executed, and consuming resumes. */
  comeBack(): void;
  /**
   * Accepts no messages until `unblock`, like a broker with a memory or disk alarm. A publish waits for that up to the driver's
   * `timeoutMs` and then fails with TIMEOUT. Health is `degraded`. Consumers continue.
   */
  block(): void;
  /** Accepts messages again. Waiting publishes are executed. */
  unblock(): void;
  /**
   * Loses the next acknowledgements: their messages are redelivered.
   *
   * @param count number of acknowledgements, 1–1,000,000. @default 1
   */
  loseAcks(count?: number): void;
  /**
   * Returns the next messages as UNROUTABLE. Copies for retries and dead letters are not counted.
   *
   * @param count number of messages, 1–1,000,000. @default 1
   */
  returnMessages(count?: number): void;
}

/** Receiver of injected connection faults. */
export interface FaultListener {
  disconnected(): void;
  reconnected(): void;
  /** Called after a fault that affects availability began or ended. */
  changed(): void;
  /** Called when waiting calls may be executable again. */
  recovered(): void;
}

const MAX_COUNT = 1_000_000;

/** Current faults of a memory driver. */
export class FaultInjector implements MemoryFaults {
  readonly #listeners = new Set<FaultListener>();
  #disconnected = false;
  #blocked = false;
  #acksToLose = 0;
  #messagesToReturn = 0;

  get disconnected(): boolean {
    return this.#disconnected;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** Returns true if the current acknowledgement must be lost, and counts it. */
  takeLostAck(): boolean {
    return this.#acksToLose > 0 && this.#acksToLose-- > 0;
  }

  /** Returns true if the current message must be returned, and counts it. */
  takeReturnedMessage(): boolean {
    return this.#messagesToReturn > 0 && this.#messagesToReturn-- > 0;
  }

  addListener(listener: FaultListener): void {
    this.#listeners.add(listener);
  }

  removeListener(listener: FaultListener): void {
    this.#listeners.delete(listener);
  }

  dropConnections(): void {
    if (this.#disconnected) return;
    this.goAway();
    this.comeBack();
  }

  goAway(): void {
    if (this.#disconnected) return;
    this.#disconnected = true;
    for (const listener of [...this.#listeners]) listener.disconnected();
    this.#change();
  }

  comeBack(): void {
    if (!this.#disconnected) return;
    this.#disconnected = false;
    for (const listener of [...this.#listeners]) listener.reconnected();
    this.#change();
    this.#recover();
  }

  block(): void {
    this.#blocked = true;
    this.#change();
  }

  unblock(): void {
    this.#blocked = false;
    this.#change();
    this.#recover();
  }

  loseAcks(count = 1): void {
    this.#acksToLose = checkInteger(count, "`count`", 1, MAX_COUNT);
  }

  returnMessages(count = 1): void {
    this.#messagesToReturn = checkInteger(count, "`count`", 1, MAX_COUNT);
  }

  #change(): void {
    for (const listener of [...this.#listeners]) listener.changed();
  }

  #recover(): void {
    for (const listener of [...this.#listeners]) listener.recovered();
  }
}
