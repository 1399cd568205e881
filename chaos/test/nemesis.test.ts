import { expect, test } from "vitest";
import { FAULT_GROUPS, schedule } from "../src/nemesis.js";
import { Random } from "../src/random.js";

/** Returns the first faults of each group, with the first random number of each fault. */
function firstFaults(seed: number) {
  return FAULT_GROUPS.map((group) => {
    const scheduled = schedule(seed, group);
    return Array.from({ length: 50 }, () => {
      const { fault, afterMs, holdMs, random } = scheduled.next().value;
      return [fault.kind, afterMs, holdMs, random.fraction()];
    });
  });
}

test("the same seed schedules the same faults, another seed schedules others", () => {
  expect(firstFaults(7)).toEqual(firstFaults(7));
  expect(firstFaults(7)).not.toEqual(firstFaults(8));
});

test("every kind of fault is scheduled", () => {
  for (const group of FAULT_GROUPS) {
    const scheduled = schedule(1, group);
    const kinds = new Set(Array.from({ length: 500 }, () => scheduled.next().value.fault.kind));
    expect([...kinds].sort()).toEqual(group.faults.map(({ kind }) => kind).sort());
  }
});

test("gaps and durations are within the ranges of the group and the fault", () => {
  for (const group of FAULT_GROUPS) {
    const scheduled = schedule(3, group);
    for (let n = 0; n < 500; n++) {
      const { fault, afterMs, holdMs } = scheduled.next().value;
      expect(afterMs).toBeGreaterThanOrEqual(group.gapMs[0]);
      expect(afterMs).toBeLessThanOrEqual(group.gapMs[1]);
      expect(holdMs).toBeGreaterThanOrEqual(fault.holdMs[0]);
      expect(holdMs).toBeLessThanOrEqual(fault.holdMs[1]);
    }
  }
});

test("random integers are distributed evenly", () => {
  const random = new Random("any", 1);
  const counts = [0, 0, 0, 0, 0];
  for (let n = 0; n < 10_000; n++) {
    const index = random.integer(0, 4);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
});
