const TICK_MS = 10;
/** A tick that comes later than this is a stall. */
const LATE_MS = 20;
const KEPT = 1_000;

/**
 * When this process stood still: stopped by a signal, or left without a processor. Only the rest of a call's duration
 * tells of the package.
 */
export class Stalls {
  readonly #stalls: { readonly from: number; readonly to: number }[] = [];
  #lastTick = performance.now();

  constructor() {
    setInterval(() => {
      this.#note(performance.now());
    }, TICK_MS).unref();
  }

  /** How much of the time since `begun` this process stood still. */
  since(begun: number): number {
    this.#note(performance.now());
    let sum = 0;
    for (const { from, to } of this.#stalls) sum += Math.max(0, to - Math.max(from, begun));
    return sum;
  }

  #note(now: number): void {
    const from = this.#lastTick + TICK_MS;
    if (now - from > LATE_MS) this.#stalls.push({ from, to: now });
    if (this.#stalls.length > KEPT) this.#stalls.shift();
    this.#lastTick = now;
  }
}
