import { show, unknownKey } from "../arguments.js";
import type { JobDefinition } from "../definition.js";
import type { AuditOptions, JobRecord, JobStorage, QueuePause, StorageHealth, UnattendedStatus } from "../driver.js";
import { JobStoreError } from "../errors.js";
import type { StoreEvent } from "../events.js";
import type { AuditReport, Health } from "../types.js";
import { decode } from "./codec.js";
import type { InFlightCalls } from "./in-flight-calls.js";
import { readIndexValues } from "./index-values.js";
import { HEALTH_OPTIONS } from "./option-keys.js";

/** Age of the oldest outbox message, in milliseconds, above which `health` warns. A relay publishes within seconds. */
const LONG_WAIT_MS = 60_000;

/** Time in milliseconds after which `health` warns that a timeout was not checked. */
const LATE_TIMEOUT_MS = 20_000;

/** Time in milliseconds that a job has waited without a live worker, above which `health` warns. */
const LONG_JOB_WAIT_MS = 300_000;

/** Returns the health of a store, with the warnings that every driver has in common. */
function healthOf(
  driver: string,
  { rejected, oldestWaitMs, overdueMs, pauses, unattended, ...found }: StorageHealth,
): Health {
  const warnings = [
    ...found.warnings,
    ...rejectedWarnings(rejected ?? 0),
    ...waitWarnings(oldestWaitMs ?? 0),
    ...timeoutWarnings(overdueMs ?? 0),
    ...(pauses ?? []).map(describePause),
    ...(unattended ?? []).flatMap(unattendedWarnings),
  ];
  return { ...found, driver, warnings };
}

/** Checks the options of `health`, and returns the health of a store. Never throws. */
export async function checkHealth(
  driver: string,
  storage: JobStorage,
  calls: InFlightCalls,
  options: { readonly timeoutMs?: number | undefined } | undefined,
): Promise<Health> {
  const fault = unknownKey(options ?? {}, HEALTH_OPTIONS, "health", "option");
  if (fault !== null) return unhealthy(driver, fault);
  const timeoutMs = options?.timeoutMs ?? 2000;
  if (typeof timeoutMs !== "number" || !(timeoutMs >= 1 && timeoutMs <= 60_000)) {
    return unhealthy(driver, `\`timeoutMs\` must be a number from 1 to 60000 (got ${show(timeoutMs)}).`);
  }
  if (calls.closed) return unhealthy(driver, "The store is closed.");
  return healthOf(driver, await storage.health(timeoutMs));
}

/** Returns the health of a store whose storage was not checked. */
function unhealthy(driver: string, error: string): Health {
  return { status: "unhealthy", driver, latencyMs: null, details: {}, warnings: [], error };
}

function rejectedWarnings(rejected: number): readonly string[] {
  if (rejected === 0) return [];
  const subject = rejected === 1 ? "1 outbox message was" : `${rejected} outbox messages were`;
  const action = "See the reason with outbox.rejected() or npx @subtitles/job-store outbox --rejected";
  return [`${subject} rejected and will not be published. ${action}.`];
}

function waitWarnings(oldestWaitMs: number): readonly string[] {
  if (oldestWaitMs <= LONG_WAIT_MS) return [];
  const seconds = Math.floor(oldestWaitMs / 1000);
  const action = "Check that a relay is running and connected to its broker.";
  return [`The oldest outbox message has been waiting for ${seconds} s. ${action}`];
}

function timeoutWarnings(overdueMs: number): readonly string[] {
  if (overdueMs <= LATE_TIMEOUT_MS) return [];
  const seconds = Math.floor(overdueMs / 1000);
  const action = "Check that a service is running whose createJobStore has this definition, without timeouts: false.";
  return [`The timeout of a job should have been checked ${seconds} s ago. ${action}`];
}

function unattendedWarnings({ status, queues, waitMs }: UnattendedStatus): readonly string[] {
  if (waitMs <= LONG_JOB_WAIT_MS) return [];
  const minutes = Math.floor(waitMs / 60_000);
  const names = `${queues.length === 1 ? "queue" : "queues"} ${queues.map((queue) => `"${queue}"`).join(", ")}`;
  const problem = `Jobs have waited in status "${status}" for up to ${minutes} min, and no live worker takes them.`;
  return [`${problem} Start a worker of the ${names}. npx @subtitles/job-store workers shows those that are alive.`];
}

export const EMPTY_REPORT: AuditReport = {
  jobs: 0,
  missingFromIndex: 0,
  staleInIndex: 0,
  unreadable: 0,
  repaired: 0,
};

/** Runs an audit step by step and adds up the reports. Each step is a call of its own, so `close` waits for one step at most. */
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

/** Returns the function that computes the index values of a record. See `AuditOptions`. */
export function indexValuesReader(definition: JobDefinition, validate: boolean): AuditOptions["indexValuesOf"] {
  return (record: JobRecord) => {
    try {
      return readIndexValues(definition, decode(definition, record, validate).data);
    } catch (error) {
      if (!JobStoreError.is(error, "UNREADABLE_RECORD")) throw error;
      return null;
    }
  };
}

/** Returns the event for the log. null: nothing was repaired. */
export function repairEvent(report: AuditReport): StoreEvent | null {
  if (report.repaired === 0) return null;
  return {
    type: "warning",
    message: `An audit repaired ${report.repaired} index entries.`,
    details: { ...report },
  };
}

/** Describes a pause in one or two sentences. */
export function describePause({
  queue,
  since,
  until,
  reason,
  by,
}: Omit<QueuePause, "since"> & { since?: number }): string {
  const begin = since === undefined ? "" : ` since ${new Date(since).toISOString()}`;
  const end = until === null ? "until it is resumed" : `until ${new Date(until).toISOString()}`;
  const author = by === null ? "" : `, by ${by}`;
  return `The queue "${queue}" is paused${begin} ${end}${author}.${reason === null ? "" : ` Reason: ${reason}`}`;
}
