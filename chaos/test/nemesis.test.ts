import { expect, test } from "vitest";
import { LANES, plan } from "../src/nemesis.js";
import { Random } from "../src/random.js";

/** What a seed has planned for the beginning of each lane, what faults themselves leave open included. */
function beginning(seed: number) {
  return LANES.map((lane) => {
    const planned = plan(seed, lane);
    return Array.from({ length: 50 }, () => {
      const { fault, afterMs, holdMs, random } = planned.next().value;
      return [fault.kind, afterMs, holdMs, random.fraction()];
    });
  });
}

test("a seed replays its faults, and another seed has others", () => {
  expect(beginning(7)).toEqual(beginning(7));
  expect(beginning(7)).not.toEqual(beginning(8));
});

test("every kind of fault comes up", () => {
  for (const lane of LANES) {
    const planned = plan(1, lane);
    const kinds = new Set(Array.from({ length: 500 }, () => planned.next().value.fault.kind));
    expect([...kinds].sort()).toEqual(lane.faults.map(({ kind }) => kind).sort());
  }
});

test("gaps and durations stay within what a lane and a fault allow", () => {
  for (const lane of LANES) {
    const planned = plan(3, lane);
    for (let n = 0; n < 500; n++) {
      const { fault, afterMs, holdMs } = planned.next().value;
      expect(afterMs).toBeGreaterThanOrEqual(lane.gapMs[0]);
      expect(afterMs).toBeLessThanOrEqual(lane.gapMs[1]);
      expect(holdMs).toBeGreaterThanOrEqual(fault.holdMs[0]);
      expect(holdMs).toBeLessThanOrEqual(fault.holdMs[1]);
    }
  }
});

test("numbers are spread evenly", () => {
  const random = new Random("any", 1);
  const counts = [0, 0, 0, 0, 0];
  for (let n = 0; n < 10_000; n++) {
    const index = random.whole(0, 4);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
});
