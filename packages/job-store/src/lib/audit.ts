import { decode } from "./codec.js";
import type { JobDefinition } from "./definition.js";
import type { AuditOptions, JobRecord, JobStorage } from "./driver.js";
import { JobStoreError } from "./errors.js";
import type { InFlightCalls } from "./in-flight-calls.js";
import { readIndexValues } from "./index-values.js";
import type { AuditReport, StoreEvent } from "./types.js";

export const EMPTY_REPORT: AuditReport = {
  jobs: 0,
  missingFromIndex: 0,
  staleInIndex: 0,
  unreadable: 0,
  repaired: 0,
};

/** Goes through a storage step by step. Each is a call of its own: closing waits for no more than the one under way. */
export async function audit(storage: JobStorage, calls: InFlightCalls, options: AuditOptions): Promise<AuditReport> {
  const steps = storage.audit(options);
  let report = EMPTY_REPORT;
  for (;;) {
    const step = await calls.run(() => steps.next());
    if (step.done === true) return report;
    report = add(report, step.value);
  }
}

function add(a: AuditReport, b: AuditReport): AuditReport {
  return {
    jobs: a.jobs + b.jobs,
    missingFromIndex: a.missingFromIndex + b.missingFromIndex,
    staleInIndex: a.staleInIndex + b.staleInIndex,
    unreadable: a.unreadable + b.unreadable,
    repaired: a.repaired + b.repaired,
  };
}

/** What a driver asks about a record; see `AuditOptions`. */
export function indexValuesReader(definition: JobDefinition, validate: boolean): AuditOptions["fieldsOf"] {
  return (record: JobRecord) => {
    try {
      return readIndexValues(definition, decode(definition, record, validate).data);
    } catch (error) {
      if (!JobStoreError.is(error, "UNREADABLE_RECORD")) throw error;
      return null;
    }
  };
}

/** For the log; null: nothing was mended. */
export function repairEvent(report: AuditReport): StoreEvent | null {
  if (report.repaired === 0) return null;
  return {
    type: "warning",
    message: `An audit mended the indexes: ${report.repaired} entries.`,
    details: { ...report },
  };
}
