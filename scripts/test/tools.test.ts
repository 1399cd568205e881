import { expect, test } from "vitest";
import { runsTools, supportsTools } from "../dev/tools.mjs";

test.each(["22.22.0", "24.11.0", "24.21.0", "26.0.0", "27.1.0"])("Node %s is what the tools want", (version) => {
  expect(supportsTools(version)).toBe(true);
  expect(runsTools(version)).toBe(true);
});

test.each(["20.19.0", "20.20.2", "22.21.9", "23.9.0", "24.10.0", "25.1.0"])("Node %s does if need be", (version) => {
  expect(supportsTools(version)).toBe(false);
  expect(runsTools(version)).toBe(true);
});

test.each(["18.20.0", "20.18.3", "21.0.0"])("Node %s is too old", (version) => {
  expect(runsTools(version)).toBe(false);
});
