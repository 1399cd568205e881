import { expect, test } from "vitest";
import { bundleForBrowser } from "./bundle.js";

const entries = ["job-store", "job-store/memory", "job-store/subtitle", "queue", "queue/memory"];

test.each(entries)("@subtitles/%s imports no built-in module of Node", async (entry) => {
  const { builtIns } = await bundleForBrowser(`export * from "@subtitles/${entry}";`);
  expect(builtIns).toEqual([]);
});

test.each(["job-store/redis", "queue/rabbitmq"])(
  "@subtitles/%s imports built-in modules with the prefix `node:`",
  async (entry) => {
    const { ownBuiltIns } = await bundleForBrowser(`export * from "@subtitles/${entry}";`);
    expect(ownBuiltIns).toContain("node:crypto");
    expect(ownBuiltIns.filter((name) => !name.startsWith("node:"))).toEqual([]);
  },
);
