import { onAbort } from "./abort.js";

/** Calls that wait for something to happen, each no longer than it wants to. */
export class Waiters {
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves at the next `wake`, after `ms`, or when `signal` aborts; the caller looks which it was. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let withdraw = () => {};
      const wake = () => {
        clearTimeout(timer);
        withdraw();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(ms, 0));
      this.#waiting.add(wake);
      if (signal !== undefined) withdraw = onAbort(signal, wake);
    });
  }

  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
