export type { QueueDriver } from "./lib/driver.js";
export { memoryDriver } from "./lib/memory/memory-driver.js";
