import { test } from "vitest";
import { memoryDriver } from "../src/memory.js";
import { agreesWithModel } from "./model.js";

test("memory: whatever is done in whatever order, the store agrees with a model in plain code", async () => {
  await agreesWithModel(async () => ({ driver: memoryDriver() }), 200);
});
