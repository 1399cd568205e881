import { checkOptions, checkWhole, type KeysOf } from "../arguments.js";
import type { JobStoreDriver, StoreShape } from "../driver.js";
import { JobStoreError } from "../errors.js";
import { Faults, type MemoryFaults } from "./faults.js";
import { MemoryStorage } from "./memory-storage.js";
import { Shelf } from "./shelf.js";

/** How much the memory driver holds. */
export interface MemoryDriverOptions {
  /**
   * Guards against unbounded growth: past it, a new job takes the place of the one that has been in a final status
   * longest, and where none is final it is refused (UNAVAILABLE). 1–10,000,000. @default 100_000
   */
  readonly maxJobs?: number | undefined;
}

/** A driver over jobs in memory. */
export interface MemoryDriver extends JobStoreDriver {
  /** Has things go wrong, for tests. */
  readonly faults: MemoryFaults;
}

const DRIVER_OPTIONS: KeysOf<MemoryDriverOptions> = { maxJobs: true };

/**
 * Jobs live in this process and end with it. The driver object is the place where they live: stores that share it share
 * the jobs, as services share one Redis.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function memoryDriver(options: MemoryDriverOptions = {}): MemoryDriver {
  checkOptions(options, DRIVER_OPTIONS, "memoryDriver");
  const shelf = new Shelf(checkWhole(options.maxJobs ?? 100_000, "maxJobs", 1, 10_000_000));
  const faults = new Faults();
  let owner: StoreShape | undefined;
  const claim = (shape: StoreShape) => {
    owner ??= shape;
    if (owner.definition === shape.definition) return;
    throw new JobStoreError(
      "INVALID_ARGUMENT",
      `This memory driver holds jobs of "${owner.definition}"; "${shape.definition}" needs one of its own.`,
    );
  };
  return { name: "memory", faults, open: (shape) => new MemoryStorage(shape, shelf, faults, () => claim(shape)) };
}
