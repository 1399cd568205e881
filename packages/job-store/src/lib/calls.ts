import { JobStoreError } from "./errors.js";

/** Counts a store's calls, so that closing waits for them and nothing begins afterwards. */
export class Calls {
  #running = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  readonly #end = new AbortController();

  /** Aborts when closing begins: for calls that wait by nature. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** @throws JobStoreError CLOSED */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.closed) throw new JobStoreError("CLOSED", "The store is closed; create another one to go on.");
    this.#running++;
    try {
      return await call();
    } finally {
      this.#running--;
      if (this.#running === 0) this.#idle?.();
    }
  }

  close(release: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#settle().then(release);
    return this.#closing;
  }

  async #settle(): Promise<void> {
    this.#end.abort();
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
  }
}
