import { onAbort } from "./abort.js";

/** Calls that wait for something to happen, each no longer than it wants to. */
export class Condition {
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves at the next `wake`, after `ms`, or when `signal` aborts; the caller looks which it was. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let withdraw = () => {};
      const notify = () => {
        clearTimeout(timer);
        withdraw();
        this.#waiting.delete(notify);
        resolve();
      };
      const timer = setTimeout(notify, Math.max(ms, 0));
      this.#waiting.add(notify);
      if (signal !== undefined) withdraw = onAbort(signal, notify);
    });
  }

  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
