import { checkInteger, checkOptions, type KeysOf } from "../arguments.js";
import type { JobStoreDriver, StoreMetadata, StoreShape } from "../driver.js";
import { JobStoreError } from "../errors.js";
import { FaultInjection, type MemoryFaults } from "./fault-injection.js";
import { JobTable } from "./job-table.js";
import { MemoryStorage } from "./memory-storage.js";

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
  const shelf = new JobTable(checkInteger(options.maxJobs ?? 100_000, "maxJobs", 1, 10_000_000));
  const faults = new FaultInjection();
  let metadata: StoreMetadata | null = null;
  const known = new WeakSet<StoreShape>();
  const claim = (shape: StoreShape) => {
    if (known.has(shape)) return;
    if (metadata !== null && metadata.definition !== shape.definition) {
      throw new JobStoreError(
        "INVALID_ARGUMENT",
        `This memory driver holds jobs of "${metadata.definition}"; "${shape.definition}" needs one of its own.`,
      );
    }
    known.add(shape);
    metadata = {
      definition: shape.definition,
      statuses: new Map([
        ...(metadata?.statuses ?? []),
        ...shape.statuses.map((s) => [s, shape.ttlMs.get(s) ?? 0] as const),
      ]),
      fields: [...new Set([...(metadata?.fields ?? []), ...shape.fields])],
      description: shape.description ?? metadata?.description ?? null,
    };
  };
  return {
    name: "memory",
    faults,
    open: (shape) => new MemoryStorage(shape, shelf, faults, () => claim(shape)),
    readMetadata: async () => {
      faults.checkAvailable();
      return metadata;
    },
  };
}
