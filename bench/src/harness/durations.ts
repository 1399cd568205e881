import type { Run } from "./suite.js";

/** Number and durations of the rounds of a suite that measures the store. */
export function storeDurations({ full }: Run) {
  return full
    ? { rounds: 11, roundMs: 300, warmUpMs: 1_500, maxCalls: 100_000 }
    : { rounds: 5, roundMs: 80, warmUpMs: 500, maxCalls: 20_000 };
}

/** Number and durations of the rounds of a suite that measures the queue. A quorum queue confirms in bursts, so its rounds are longer. */
export function queueDurations({ full }: Run) {
  return full
    ? { rounds: 11, roundMs: 1_000, warmUpMs: 1_500, maxCalls: 20_000 }
    : { rounds: 5, roundMs: 500, warmUpMs: 500, maxCalls: 10_000 };
}
