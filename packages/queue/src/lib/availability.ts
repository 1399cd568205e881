/** Availability of a broker, as its session reports it. A broker that was not used yet counts as available. */
export class Availability {
  readonly #listeners = new Set<(available: boolean) => void>();
  #available = true;
  #changedAt = Number.NEGATIVE_INFINITY;

  set(available: boolean): void {
    if (available === this.#available) return;
    this.#available = available;
    this.#changedAt = performance.now();
    for (const listener of [...this.#listeners]) listener(available);
  }

  get available(): boolean {
    return this.#available;
  }

  /**
   * Returns true if the broker is unavailable, or was unavailable at some moment since `time`.
   *
   * @param time value of `performance.now()`
   */
  wasLostSince(time: number): boolean {
    return !this.#available || this.#changedAt >= time;
  }

  /** Calls `listener` for every change. Returns a function that removes it. */
  onChange(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
