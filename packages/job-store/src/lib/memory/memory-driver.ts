import { checkInteger, checkOptions, type KeysOf } from "../arguments.js";
import type { JobStoreDriver, StoreConfig, StoreMetadata } from "../driver.js";
import { JobStoreError } from "../errors.js";
import { FaultInjection, type MemoryFaults } from "./fault-injection.js";
import { JobTable } from "./job-table.js";
import { MemoryStorage } from "./memory-storage.js";

/** Options of `memoryDriver`. */
export interface MemoryDriverOptions {
  /**
   * Maximum number of jobs, 1–10,000,000. Above it, a new job replaces the job that has been in a final status for the longest
   * time, and watchers receive a `deleted` event. If no job is in a final status, the new job is rejected with UNAVAILABLE.
   * @default 100_000
   */
  readonly maxJobs?: number | undefined;
}

/** Driver that stores jobs in memory. */
export interface MemoryDriver extends JobStoreDriver {
  /** Fault injection for tests. */
  readonly faults: MemoryFaults;
}

const DRIVER_OPTIONS: KeysOf<MemoryDriverOptions> = { maxJobs: true };

/**
 * Stores jobs in this process. They are lost when the process ends. Stores that use the same driver object share the jobs, as
 * services share one Redis.
 *
 * @throws JobStoreError INVALID_ARGUMENT
 */
export function memoryDriver(options: MemoryDriverOptions = {}): MemoryDriver {
  checkOptions(options, DRIVER_OPTIONS, "memoryDriver");
  const table = new JobTable(checkInteger(options.maxJobs ?? 100_000, "maxJobs", 1, 10_000_000));
  const faults = new FaultInjection();
  let metadata: StoreMetadata | null = null;
  const checked = new WeakSet<StoreConfig>();
  /** Checks that the stored jobs are of this definition, and records its metadata. */
  const checkDefinition = (config: StoreConfig) => {
    if (checked.has(config)) return;
    if (metadata !== null && metadata.definition !== config.definition) {
      throw new JobStoreError(
        "INVALID_ARGUMENT",
        `This memory driver already stores jobs of type "${metadata.definition}". Create another memoryDriver() for "${config.definition}".`,
      );
    }
    checked.add(config);
    metadata = {
      definition: config.definition,
      statuses: new Map([
        ...(metadata?.statuses ?? []),
        ...config.statuses.map((status) => [status, config.ttlMs.get(status) ?? 0] as const),
      ]),
      fields: [...new Set([...(metadata?.fields ?? []), ...config.fields])],
      description: config.description ?? metadata?.description ?? null,
    };
  };
  return {
    name: "memory",
    faults,
    open: (config) => new MemoryStorage(config, table, faults, () => checkDefinition(config)),
    readMetadata: async () => {
      faults.checkAvailable();
      return metadata;
    },
  };
}
