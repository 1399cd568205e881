import { checkDuration, checkOptions, checkWhole, type KeysOf } from "../arguments.js";
import type { Driver, QueueDriver } from "../driver.js";
import { Faults, type MemoryFaults } from "./faults.js";
import { MemoryServer } from "./memory-server.js";
import { MemorySession } from "./memory-session.js";

/** A driver over queues in memory. */
export interface MemoryDriver extends QueueDriver {
  /** Has things go wrong, for tests. */
  readonly faults: MemoryFaults;
}

const DRIVER_OPTIONS: KeysOf<NonNullable<Parameters<typeof memoryDriver>[0]>> = { maxMessages: true, timeoutMs: true };

/**
 * Queues that live in this process and end with it. They belong to the driver object: two brokers over the same one share
 * them. Waiting retries do not keep the process alive.
 *
 * @param options.maxMessages past it, publishing is UNAVAILABLE; 1 to 10,000,000, all queues together, dead letters
 *   included. @default 100_000
 * @param options.timeoutMs how long a call waits for a fault to be over, in milliseconds. @default 10_000
 * @throws QueueError INVALID_ARGUMENT
 */
export function memoryDriver(options?: {
  readonly maxMessages?: number | undefined;
  readonly timeoutMs?: number | undefined;
}): MemoryDriver {
  const given = checkOptions(options, DRIVER_OPTIONS, "memoryDriver");
  const server = new MemoryServer(checkWhole(given.maxMessages ?? 100_000, "maxMessages", 1, 10_000_000));
  const timeoutMs = checkDuration(given.timeoutMs ?? 10_000, "timeoutMs", 1);
  const faults = new Faults();
  const driver: Driver & MemoryDriver = {
    name: "memory",
    faults,
    open: (report, tell) => new MemorySession(server, faults, timeoutMs, report, tell),
  };
  return driver;
}
