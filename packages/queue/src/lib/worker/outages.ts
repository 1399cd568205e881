import type { BrokerAccess } from "../broker-access.js";
import { QueueError } from "../errors.js";
import { Delays } from "./delays.js";
import { CallStopped, isUnavailable, type StoreCalls } from "./store-calls.js";
import type { WorkerStore } from "./worker-store.js";

/** Time between two checks if the broker is available again. */
const CHECK_MS = 500;

/** Returns true for an error of a store or a broker that is unavailable; it can be another one than that of this worker. */
export function isOutage(error: unknown): boolean {
  return isUnavailable(error) || QueueError.is(error, "UNAVAILABLE") || QueueError.is(error, "TIMEOUT");
}

/** Outages of the store and the broker of a worker. */
export class Outages {
  readonly #store: WorkerStore;
  readonly #calls: StoreCalls;
  readonly #access: BrokerAccess;
  readonly #delays = new Delays();
  #stopped = false;

  constructor(store: WorkerStore, calls: StoreCalls, access: BrokerAccess) {
    this.#store = store;
    this.#calls = calls;
    this.#access = access;
  }

  /**
   * Returns true if the store or the broker is unavailable, or was at some moment since this time of `performance.now()`. Asks the
   * store, because the caller may have noticed an outage before the worker.
   */
  async wasInterrupted(since: number): Promise<boolean> {
    await this.#calls.repeat(() => this.#store.renewLeases([], 1));
    return this.#calls.wasUnavailableSince(since) || this.#access.availability.wasLostSince(since);
  }

  /** Resolves when the store and the broker are available. @throws CallStopped when the worker closes */
  async restored(): Promise<void> {
    await this.#calls.repeat(() => this.#store.renewLeases([], 1));
    while (!this.#access.availability.available) {
      await this.#delays.wait(CHECK_MS);
      if (this.#stopped) throw new CallStopped();
    }
  }

  /** Ends all waits. */
  stop(): void {
    this.#stopped = true;
    this.#delays.end();
  }
}
