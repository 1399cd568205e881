import { JobStoreError } from "./errors.js";

/** Counts a store's calls, so that closing waits for them and nothing begins afterwards. */
export class InFlightCalls {
  #running = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /** Aborts when closing begins: for calls that wait by nature. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Counts a call until its promise settles, and returns that promise. A promise of its own would take each call two microtasks.
   *
   * @throws JobStoreError CLOSED
   */
  run<T>(call: () => Promise<T>): Promise<T> {
    if (this.closed) {
      return Promise.reject(new JobStoreError("CLOSED", "The store is closed; create another one to go on."));
    }
    const promise = call();
    this.#running++;
    promise.then(this.#end, this.#end);
    return promise;
  }

  close(release: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#settle().then(release);
    return this.#closing;
  }

  readonly #end = (): void => {
    this.#running--;
    if (this.#running === 0) this.#idle?.();
  };

  async #settle(): Promise<void> {
    this.#closed.abort();
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
  }
}
