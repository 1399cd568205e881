import { JobStoreError } from "../errors.js";

/** Creates the error for a call on a closed store. */
export function storeClosed(): JobStoreError<"CLOSED"> {
  return new JobStoreError("CLOSED", "The store is closed. Call close() last, or create another store.");
}

/** Counts the calls of a store that are in flight. Closing waits for these calls, and later calls fail with CLOSED. */
export class InFlightCalls {
  #running = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /** Signal that aborts when closing begins. Calls that wait for events or messages end with it. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Makes a call, counts it until it ends, and returns its promise. Another promise would delay each call by two microtasks.
   *
   * @throws JobStoreError CLOSED
   */
  run<T>(call: () => Promise<T>): Promise<T> {
    if (this.closed) {
      return Promise.reject(storeClosed());
    }
    const promise = call();
    this.#running++;
    promise.then(this.#end, this.#end);
    return promise;
  }

  /** Waits for the calls in flight, then releases the resources once. */
  close(release: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#becomeIdle().then(release);
    return this.#closing;
  }

  readonly #end = (): void => {
    this.#running--;
    if (this.#running === 0) this.#idle?.();
  };

  async #becomeIdle(): Promise<void> {
    this.#closed.abort();
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
  }
}
