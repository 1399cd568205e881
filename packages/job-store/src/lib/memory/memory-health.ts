import type { StorageHealth, StoreConfig, UnattendedStatus } from "../driver.js";
import { unattendedStatuses } from "../driver-rules.js";
import { AWAY, type FaultInjection } from "./fault-injection.js";
import type { JobTable } from "./job-table.js";

/** Returns the health of a storage in memory. */
export async function checkHealth(
  table: JobTable,
  config: StoreConfig,
  faults: FaultInjection,
): Promise<StorageHealth> {
  const { size, outbox, timeouts, pauses } = table;
  const common = { details: { jobs: size }, warnings: [] };
  return faults.isAway
    ? {
        status: "unhealthy",
        latencyMs: null,
        ...common,
        rejected: null,
        oldestWaitMs: null,
        overdueMs: null,
        pauses: null,
        unattended: null,
        error: AWAY,
      }
    : {
        status: "healthy",
        latencyMs: 0,
        ...common,
        rejected: await outbox.countRejected(),
        oldestWaitMs: await outbox.oldestWait(),
        overdueMs: timeouts.lag(config.timeouts),
        pauses: pauses.all(),
        unattended: unattended(table),
      };
}

function unattended(table: JobTable): readonly UnattendedStatus[] {
  const { live, consumers } = table.workers;
  return [...unattendedStatuses(live, consumers)].flatMap(([status, queues]) => {
    const [oldest] = table.inOrderOfEntry(status);
    return oldest === undefined ? [] : [{ status, queues, waitMs: Date.now() - oldest.statusAt }];
  });
}
