import { memoryDriver } from "../src/memory.js";
import { testDriver } from "../src/testing.js";

testDriver("memory", async () => ({ driver: memoryDriver() }));
