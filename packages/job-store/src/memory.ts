export type { MemoryFaults } from "./lib/memory/faults.js";
export { type MemoryDriver, type MemoryDriverOptions, memoryDriver } from "./lib/memory/memory-driver.js";
