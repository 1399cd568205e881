/** Longest time between two contacts that counts, in milliseconds. */
const LONGEST_GAP_MS = 5000;

/**
 * Clock that counts only time in which workers and relays reached the storage. A longer gap between two contacts does not count, and
 * neither does a jump of the system's clock.
 */
export class ReachableClock {
  #away = 0;
  #contact: number | null = null;

  /** Records that a worker or a relay reached the storage. */
  contact(): void {
    this.#away = this.away;
    this.#contact = Date.now();
  }

  /** Time in milliseconds that did not count until now. The gap since the last contact ends now. */
  get away(): number {
    const gap = Date.now() - (this.#contact ?? Date.now());
    return gap > LONGEST_GAP_MS || gap < 0 ? this.#away + gap : this.#away;
  }

  get now(): number {
    return Date.now() - this.away;
  }
}
