import { expect, test } from "vitest";
import { bundleForBrowser } from "./bundle.js";

const entries = ["job-store", "job-store/memory", "job-store/subtitle", "queue", "queue/memory"];

test.each(entries)("@subtitles/%s imports no built-in module of Node", async (entry) => {
  const { builtIns } = await bundleForBrowser(`export * from "@subtitles/${entry}";`);
  expect(builtIns).toEqual([]);
});

test("an entry that needs Node imports built-in modules by their full names", async () => {
  const { builtIns } = await bundleForBrowser('export * from "@subtitles/job-store/redis";');
  expect(builtIns).toContain("node:timers/promises");
});
