import { test } from "vitest";
import { memoryDriver } from "../src/memory.js";
import { expectAgreement } from "./model.js";

test("memory: for any sequence of calls, the store agrees with a model", async () => {
  await expectAgreement(async () => ({ driver: memoryDriver() }), 200);
});
