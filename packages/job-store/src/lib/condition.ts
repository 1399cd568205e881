import { onAbort } from "./abort.js";

/** Condition that calls wait for, each with a time limit of its own. */
export class Condition {
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves at the next `notify`, after `ms` milliseconds, or when `signal` aborts. The caller checks which of them it was. */
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

  notify(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
