import { expect } from "vitest";

const SMALL = 25_000;
const TIMES_LARGER = 8;
const TRIES = 3;

/**
 * Checks that `run` takes linear time. An input that is eight times as long must take much less than 64 times as long, which a
 * quadratic step would need. It measures the processor time of this process, and uses the best of several runs, so that a busy
 * machine does not matter.
 */
export function expectLinear(run: (length: number) => void): void {
  run(SMALL); // Runs once before, so that compilation is not measured.
  const small = fastest(() => run(SMALL));
  const large = fastest(() => run(SMALL * TIMES_LARGER));
  const noise = 20;
  expect(large).toBeLessThan((small + noise) * TIMES_LARGER * 3);
}

/** Returns processor time in milliseconds. */
function fastest(run: () => void): number {
  const times = Array.from({ length: TRIES }, () => {
    const before = process.cpuUsage();
    run();
    return process.cpuUsage(before).user / 1000;
  });
  return Math.min(...times);
}
