import { checkDuration, checkInteger, checkOptions, type KeysOf } from "../arguments.js";
import type { Driver, QueueDriver } from "../driver.js";
import { FaultInjector, type MemoryFaults } from "./fault-injection.js";
import { MemoryServer } from "./memory-queue.js";
import { MemorySession } from "./memory-session.js";

/** Driver with queues in memory. */
export interface MemoryDriver extends QueueDriver {
  /** Fault injection for tests. */
  readonly faults: MemoryFaults;
}

const DRIVER_OPTIONS: KeysOf<NonNullable<Parameters<typeof memoryDriver>[0]>> = { maxMessages: true, timeoutMs: true };

/**
 * Creates a driver with queues in the memory of this process. They belong to the driver object: two brokers with the same driver
 * share them. Messages that wait for a retry do not keep the process alive.
 *
 * @param options.maxMessages maximum number of messages in all queues, including dead letters, 1 to 10,000,000. When it is reached,
 *   publishing fails with UNAVAILABLE. @default 100_000
 * @param options.timeoutMs maximum time in milliseconds that a call waits for the end of an injected fault. @default 10_000
 * @throws QueueError INVALID_ARGUMENT
 */
export function memoryDriver(options?: {
  readonly maxMessages?: number | undefined;
  readonly timeoutMs?: number | undefined;
}): MemoryDriver {
  const given = checkOptions(options, DRIVER_OPTIONS, "memoryDriver");
  const server = new MemoryServer(checkInteger(given.maxMessages ?? 100_000, "`maxMessages`", 1, 10_000_000));
  const timeoutMs = checkDuration(given.timeoutMs ?? 10_000, "`timeoutMs`", 1);
  const faults = new FaultInjector();
  const driver: Driver & MemoryDriver = {
    name: "memory",
    faults,
    open: (...listeners) => new MemorySession(server, faults, timeoutMs, ...listeners),
  };
  return driver;
}
