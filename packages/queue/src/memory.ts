export type { QueueDriver } from "./lib/driver.js";
export type { MemoryFaults } from "./lib/memory/fault-injection.js";
export { memoryDedupe } from "./lib/memory/memory-dedupe.js";
export { type MemoryDriver, memoryDriver } from "./lib/memory/memory-driver.js";
