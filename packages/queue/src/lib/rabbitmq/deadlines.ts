/**
 * One time limit for many items at a time. They all have as long, so the first to come is the first to end, and a single
 * timer looks after them: one for each would cost every message more than its place in the window.
 */
export class Deadlines<T> {
  readonly #limitMs: number;
  readonly #onExpiry: (item: T) => void;
  /** When each ends; the next one first. */
  readonly #ends = new Map<T, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, onExpiry: (item: T) => void) {
    this.#limitMs = limitMs;
    this.#onExpiry = onExpiry;
  }

  add(item: T): void {
    this.#ends.set(item, performance.now() + this.#limitMs);
    if (this.#timer === undefined) this.#wait(this.#limitMs);
    else if (this.#ends.size === 1) this.#timer.ref();
  }

  delete(item: T): void {
    // A timer that nobody needs must not keep the process.
    if (this.#ends.delete(item) && this.#ends.size === 0) this.#timer?.unref();
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [item, end] of this.#ends) {
      if (end > now) {
        this.#wait(Math.ceil(end - now));
        return;
      }
      this.#ends.delete(item);
      this.#onExpiry(item);
    }
  }
}
