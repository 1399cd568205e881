import type { AuditOptions, IndexValues, StoreConfig } from "../driver.js";
import { EMPTY_REPORT } from "../store/reports.js";
import type { AuditReport } from "../types.js";
import type { JobTable } from "./job-table.js";
import type { StoredJob } from "./stored-job.js";

/** Number of jobs that an audit compares in one step. */
const AUDIT_STEP = 500;

/**
 * Compares the index values of jobs with their data. The other indexes are computed from the jobs, so they cannot differ, but a field
 * can have been declared after a job was stored.
 */
export async function* auditJobTable(
  table: JobTable,
  config: StoreConfig,
  { repair, indexValuesOf: fieldsOf }: AuditOptions,
): AsyncGenerator<AuditReport, void, undefined> {
  let found = { ...EMPTY_REPORT };
  for (const job of table.live()) {
    found.jobs++;
    const computed = fieldsOf(table.toRecord(job));
    if (computed === null) found.unreadable++;
    else if (config.fields.some((field) => job.fields.get(field) !== computed.get(field))) {
      found.missingFromIndex++;
      if (repair) {
        table.update(job, { ...job, fields: mergeFields(job, computed, config) });
        found.repaired++;
      }
    }
    if (found.jobs < AUDIT_STEP) continue;
    yield found;
    found = { ...EMPTY_REPORT };
    // Browsers have no setImmediate.
    await new Promise((resolve) => setTimeout(resolve));
  }
  yield found;
}

/** Returns the computed values, and the stored values of fields that only other services declare. */
function mergeFields({ fields }: StoredJob, computed: IndexValues, config: StoreConfig): IndexValues {
  const others = [...fields].filter(([field]) => !config.fields.includes(field));
  return new Map([...others, ...computed]);
}
