const TICK_MS = 10;
/** Minimum delay of a tick that counts as a stall. */
const MIN_STALL_MS = 20;
const MAX_STALLS = 1_000;

/**
 * Records the times in which this process did not run, because it was stopped by a signal or got no processor. These times
 * are subtracted from the durations of calls.
 */
export class Stalls {
  readonly #stalls: { readonly from: number; readonly to: number }[] = [];
  #lastTick = performance.now();

  constructor() {
    setInterval(() => {
      this.#tick(performance.now());
    }, TICK_MS).unref();
  }

  /** Returns the sum of all stalls since `start`, in ms. */
  since(start: number): number {
    this.#tick(performance.now());
    let sum = 0;
    for (const { from, to } of this.#stalls) sum += Math.max(0, to - Math.max(from, start));
    return sum;
  }

  #tick(now: number): void {
    const from = this.#lastTick + TICK_MS;
    if (now - from > MIN_STALL_MS) this.#stalls.push({ from, to: now });
    if (this.#stalls.length > MAX_STALLS) this.#stalls.shift();
    this.#lastTick = now;
  }
}
