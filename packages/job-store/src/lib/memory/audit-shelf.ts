import { NOTHING_FOUND } from "../audit.js";
import type { AuditOptions, Fields, StoreShape } from "../driver.js";
import type { AuditReport } from "../store.js";
import { type Shelf, type Stored, toRecord } from "./shelf.js";

/** Jobs looked at in one turn. */
const STEP = 500;

/** Nothing can come between a job and its places here, but a field may have been declared since it was stored. */
export async function* auditShelf(
  shelf: Shelf,
  shape: StoreShape,
  { repair, fieldsOf }: AuditOptions,
): AsyncGenerator<AuditReport, void, undefined> {
  let found = { ...NOTHING_FOUND };
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
    found = { ...NOTHING_FOUND };
    // Browsers have no setImmediate.
    await new Promise((resolve) => setTimeout(resolve));
  }
  yield found;
}

/** Fields that only other services declare stay as they are. */
function merge({ fields }: Stored, computed: Fields, shape: StoreShape): Fields {
  const others = [...fields].filter(([field]) => !shape.fields.includes(field));
  return new Map([...others, ...computed]);
}
