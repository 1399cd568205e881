import { test } from "vitest";
import { memoryDriver } from "../src/memory.js";
import { expectLinearizable } from "./concurrency.js";

test("memory: concurrent clients get replies that are consistent with one sequential order of the calls", async () => {
  await expectLinearizable({ driver: memoryDriver() }, { numRuns: 100 });
});
