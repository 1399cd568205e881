import { unref } from "../timers.js";

/** Delays that can be ended together. They do not keep the process alive. */
export class Delays {
  readonly #ends = new Set<() => void>();
  #ended = false;

  /** Resolves after `ms` milliseconds, or when the delays are ended. */
  async wait(ms: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#ends.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      unref(timer);
      this.#ends.add(end);
    });
  }

  /** Ends all delays, also later ones. */
  end(): void {
    this.#ended = true;
    for (const end of this.#ends) end();
  }
}
