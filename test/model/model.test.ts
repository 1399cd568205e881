import { describe, expect, it } from "vitest";
import { INVARIANTS } from "./invariants.js";
import { PRESET_NAMES, PRESETS } from "./presets.js";
import { Rules } from "./rules.js";
import { search } from "./schedule.js";

/** Schedules of each preset. `main.ts` runs more of them. */
const SCHEDULES = 300;

describe("model of the worker protocol", () => {
  it.each(PRESET_NAMES)("keeps every invariant in random schedules: %s", (name) => {
    const { found } = search(PRESETS[name], new Rules(), 1, SCHEDULES, false);
    expect([...found.values()].map(({ seed, result }) => ({ seed, message: result.violation?.message }))).toEqual([]);
  });

  it("checks every invariant in at least one preset", () => {
    const ignored = (invariant: string) =>
      PRESET_NAMES.every((name) => PRESETS[name].ignored.some((one) => one === invariant));
    expect(Object.keys(INVARIANTS).filter(ignored)).toEqual([]);
  });
});
