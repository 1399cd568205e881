import { EMPTY_REPORT } from "../audit.js";
import type { AuditOptions, Fields, StoreShape } from "../driver.js";
import type { AuditReport } from "../types.js";
import { type JobTable, type StoredJob, toRecord } from "./job-table.js";

/** Jobs looked at in one turn. */
const STEP = 500;

/** Nothing can come between a job and its places here, but a field may have been declared since it was stored. */
export async function* auditJobTable(
  shelf: JobTable,
  shape: StoreShape,
  { repair, fieldsOf }: AuditOptions,
): AsyncGenerator<AuditReport, void, undefined> {
  let found = { ...EMPTY_REPORT };
  for (const job of shelf.live()) {
    found.jobs++;
    const computed = fieldsOf(toRecord(job));
    if (computed === null) found.unreadable++;
    else if (shape.fields.some((field) => job.fields.get(field) !== computed.get(field))) {
      found.missingFromIndex++;
      if (repair) {
        shelf.update(job, { ...job, fields: merge(job, computed, shape) });
        found.repaired++;
      }
    }
    if (found.jobs < STEP) continue;
    yield found;
    found = { ...EMPTY_REPORT };
    // Browsers have no setImmediate.
    await new Promise((resolve) => setTimeout(resolve));
  }
  yield found;
}

/** Fields that only other services declare stay as they are. */
function merge({ fields }: StoredJob, computed: Fields, shape: StoreShape): Fields {
  const others = [...fields].filter(([field]) => !shape.fields.includes(field));
  return new Map([...others, ...computed]);
}
