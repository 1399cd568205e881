/** Longest time between two contacts that counts, in milliseconds. */
const LONGEST_GAP_MS = 5000;

/** Number of gaps that are kept. */
const MAX_GAPS = 1000;

/** Time that does not count. A gap whose end is before its start is a jump of the system's clock. */
interface Gap {
  readonly start: number;
  readonly end: number;
  /** Time that did not count before it. */
  readonly away: number;
}

/**
 * Clock that counts only time in which workers, relays and stores that enforce timeouts reached the storage. A longer gap between two
 * contacts does not count, and neither does a jump of the system's clock.
 */
export class ReachableClock {
  #away = 0;
  #contact: number | null = null;
  #gaps: Gap[] = [];

  /** Records that the storage was reached. */
  contact(): void {
    const { away } = this;
    if (away !== this.#away && this.#contact !== null) {
      const gap = { start: this.#contact, end: Date.now(), away: this.#away };
      this.#gaps = [...this.#gaps, gap].slice(-MAX_GAPS);
    }
    this.#away = away;
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

  /** True if the system's clock went back. */
  get wentBack(): boolean {
    return this.#gaps.some(({ start, end }) => end < start);
  }

  /** Converts a time of the system's clock, until the last contact, to this clock. */
  at(time: number): number {
    const jump = time > Date.now() ? this.#gaps.findLast(({ start, end }) => time <= start && time > end) : undefined;
    if (jump !== undefined) return time - jump.away;
    const next = this.#gaps.find(({ end }) => end > time);
    return next === undefined ? time - this.#away : Math.min(time, next.start) - next.away;
  }
}
