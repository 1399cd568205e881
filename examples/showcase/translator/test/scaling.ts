import { expect } from "vitest";

const SMALL = 25_000;
const TIMES_LARGER = 8;
const TRIES = 3;

/**
 * Holds `run` to time in proportion to its input: an input eight times as long may take far less than the 64 times that a
 * quadratic step would. Counted in time of this process, and the best of a few, so that a busy machine makes no difference.
 */
export function expectLinear(run: (length: number) => void): void {
  run(SMALL); // so that what is compiled on the way is not counted
  const small = fastest(() => run(SMALL));
  const large = fastest(() => run(SMALL * TIMES_LARGER));
  const noise = 20;
  expect(large).toBeLessThan((small + noise) * TIMES_LARGER * 3);
}

/** Milliseconds. */
function fastest(run: () => void): number {
  const times = Array.from({ length: TRIES }, () => {
    const before = process.cpuUsage();
    run();
    return process.cpuUsage(before).user / 1000;
  });
  return Math.min(...times);
}
