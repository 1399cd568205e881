export type { QueueDriver } from "./lib/driver.js";
export { memoryDedupe } from "./lib/memory/memory-dedupe.js";
export { memoryDriver } from "./lib/memory/memory-driver.js";
