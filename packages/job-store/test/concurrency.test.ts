import { test } from "vitest";
import { memoryDriver } from "../src/memory.js";
import { behavesAsOne } from "./concurrency.js";

test("memory: several clients at once hear what one store would have told them one after the other", async () => {
  await behavesAsOne({ driver: memoryDriver() }, { numRuns: 100 });
});
