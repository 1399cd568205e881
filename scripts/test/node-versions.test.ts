import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { lowestOf, oldestNode, runsTools, supportsTools } from "../dev/node-versions.mjs";

test.each(["22.22.0", "24.11.0", "24.21.0", "26.0.0", "27.1.0"])("Node %s is supported by all tools", (version) => {
  expect(supportsTools(version)).toBe(true);
  expect(runsTools(version)).toBe(true);
});

test.each(["20.19.0", "20.20.2", "22.21.9", "23.9.0", "24.10.0", "25.1.0"])(
  "Node %s runs the tools, but not all of them support it",
  (version) => {
    expect(supportsTools(version)).toBe(false);
    expect(runsTools(version)).toBe(true);
  },
);

test.each(["18.20.0", "20.18.3", "21.0.0"])("Node %s is too old", (version) => {
  expect(runsTools(version)).toBe(false);
});

test("the oldest Node is the lowest version of engines, in full", () => {
  expect(lowestOf({ engines: { node: ">=20.19" } })).toBe("20.19.0");
  expect(lowestOf({ engines: { node: ">=22.3.1" } })).toBe("22.3.1");
  expect(() => lowestOf({ engines: { node: "^20 || >=22" } })).toThrow('engines.node is "^20 || >=22"');
});

test.each(["packages/job-store", "packages/queue", "examples"])("%s names the same oldest Node", async (folder) => {
  const manifest = await readFile(new URL(`../../${folder}/package.json`, import.meta.url), "utf8");
  expect(lowestOf(JSON.parse(manifest))).toBe(oldestNode);
});
