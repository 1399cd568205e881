export type { MemoryFaults } from "./lib/memory/fault-injection.js";
export { type MemoryDriver, type MemoryDriverOptions, memoryDriver } from "./lib/memory/memory-driver.js";
