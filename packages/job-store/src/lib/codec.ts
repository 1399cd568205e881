import { type $ZodType, safeParse } from "zod/v4/core";
import { checkDate, checkId, checkInteger, checkKeys, checkMetadata, checkStatus, invalid } from "./arguments.js";
import type { JobDefinition } from "./definition.js";
import type { Fields, JobRecord, RecordedChange, WholeJob } from "./driver.js";
import { type Issue, JobStoreError, type JobStoreErrorFields } from "./errors.js";
import type { IndexReader } from "./index-values.js";
import { isError } from "./is-error.js";
import type { Job, JobFailure, StatusChange } from "./job.js";
import { showPath, toJson } from "./json.js";
import { FAILURE_KEYS, HISTORY_KEYS, JOB_KEYS } from "./option-keys.js";

/** The JSON text of what `schema` makes of `value`. @throws JobStoreError INVALID_DATA */
export function encode(schema: $ZodType, value: unknown, what: string, fields: JobStoreErrorFields = {}): string {
  return toJson(parseInput(schema, value, what, fields), what, fields);
}

/** A job's data in JSON text, and what it can be found by. @throws JobStoreError INVALID_DATA */
export function encodeData(
  definition: JobDefinition,
  data: unknown,
  jobId: string,
  index: IndexReader,
): { readonly data: string; readonly fields: Fields } {
  const accepted = parseInput(definition.data, data, "data", { jobId });
  return { data: toJson(accepted, "data", { jobId }), fields: index.valuesOf(accepted, jobId) };
}

function parseInput(schema: $ZodType, value: unknown, what: string, fields: JobStoreErrorFields): unknown {
  const parsed = parseWith(schema, value);
  if (!parsed.success) {
    const first = parsed.issues[0];
    const where = first === undefined || first.path.length === 0 ? what : `${what} at ${showPath(first.path)}`;
    const more = parsed.issues.length > 1 ? ` (and ${parsed.issues.length - 1} more, see issues)` : "";
    throw new JobStoreError("INVALID_DATA", `${where}: ${first?.message ?? "refused by the schema"}${more}`, {
      ...fields,
      issues: parsed.issues,
    });
  }
  return parsed.data;
}

export function encodeFailure(error: JobFailure, fields: JobStoreErrorFields = {}): string {
  if (typeof error !== "object" || error === null || typeof error.message !== "string") {
    return invalid("error must be an object with a message.");
  }
  // The errors of Node and of libraries have further properties of their own.
  if (!isError(error)) checkKeys(error, FAILURE_KEYS, "error");
  if (error.code !== undefined && typeof error.code !== "string") return invalid("error.code must be a string.");
  if (error.retryable !== undefined && typeof error.retryable !== "boolean") {
    return invalid("error.retryable must be true or false.");
  }
  return toJson({ message: error.message, code: error.code, retryable: error.retryable }, "error", fields);
}

type Parsed = { success: true; data: unknown } | { success: false; issues: readonly Issue[] };

function parseWith(schema: $ZodType, value: unknown): Parsed {
  try {
    const result = safeParse(schema, value);
    if (result.success) return result;
    const issues = result.error.issues.map(({ path, message }) => ({
      path: path.map((step) => (typeof step === "number" ? step : String(step))),
      message,
    }));
    return { success: false, issues };
  } catch (error) {
    // A schema that waits for something, or a value nested deeper than the stack: no verdict is a refusal.
    const message = isError(error) ? error.message : "the schema failed";
    return { success: false, issues: [{ path: [], message }] };
  }
}

/**
 * Checks a record and returns the same object as the job. A copy of each job would make pages slower.
 *
 * @param validate true: data, progress and result are replaced by what the schemas make of them
 * @throws JobStoreError UNREADABLE_RECORD
 */
export function decode<D extends JobDefinition>(definition: D, record: JobRecord, validate: boolean): Job<D> {
  if (!Object.hasOwn(definition.statuses, record.status)) {
    throw unreadable(record.id, `its status "${record.status}" is none of "${definition.name}"`);
  }
  if (validate) {
    record.data = parseStored(definition.data, record.data, "data", record.id);
    if (record.progress !== null)
      record.progress = parseStored(definition.progress, record.progress, "progress", record.id);
    if (record.result !== null) record.result = parseStored(definition.result, record.result, "result", record.id);
  }
  // The parts are checked; that they make up a Job<D> is what the definition means.
  return record as unknown as Job<D>;
}

/** Returns what the schema makes of a stored value. @throws JobStoreError UNREADABLE_RECORD */
function parseStored(schema: $ZodType, value: unknown, what: string, jobId: string): unknown {
  const parsed = parseWith(schema, value);
  if (parsed.success) return parsed.data;
  const first = parsed.issues[0];
  const place = first === undefined || first.path.length === 0 ? what : `${what} at ${showPath(first.path)}`;
  throw unreadable(jobId, `its ${place} does not fit the schema: ${first?.message ?? "refused"}`);
}

export function unreadable(jobId: string, reason: string, committed = false): JobStoreError<"UNREADABLE_RECORD"> {
  const done = committed ? " The change itself was made." : "";
  return new JobStoreError("UNREADABLE_RECORD", `Job ${jobId} cannot be read: ${reason}.${done}`, { jobId, committed });
}

/** A job of the caller's making as a record to store. @throws JobStoreError INVALID_ARGUMENT, INVALID_DATA */
export function encodeJob<D extends JobDefinition>(
  definition: D,
  job: Job<D>,
  historyLimit: number,
  index: IndexReader,
): WholeJob {
  if (typeof job !== "object" || job === null) return invalid("save takes a whole job.");
  checkKeys(job, JOB_KEYS, "The job of save");
  const id = checkId(job.id);
  const fields = { jobId: id };
  if (!Array.isArray(job.history)) return invalid("job.history must be an array.");
  return {
    id,
    status: checkStatus(definition, job.status),
    version: checkInteger(job.version, "job.version", 1, Number.MAX_SAFE_INTEGER - 1),
    attempt: checkInteger(job.attempt, "job.attempt", 1, Number.MAX_SAFE_INTEGER),
    createdAt: checkDate(job.createdAt, "job.createdAt"),
    updatedAt: checkDate(job.updatedAt, "job.updatedAt"),
    statusAt: checkDate(job.statusAt, "job.statusAt"),
    ...encodeData(definition, job.data, id, index),
    progress: job.progress === null ? null : encode(definition.progress, job.progress, "progress", fields),
    result: job.result === null ? null : encode(definition.result, job.result, "result", fields),
    error: job.error === null ? null : encodeFailure(job.error, fields),
    history: historyLimit === 0 ? [] : job.history.slice(-historyLimit).map(encodeChange),
  };
}

/** Statuses of the past need not be known any more: a definition may have outgrown them. */
function encodeChange(change: StatusChange): RecordedChange {
  checkKeys(change, HISTORY_KEYS, "a change in job.history");
  const { by, note, key } = checkMetadata(change);
  if (typeof change.to !== "string" || (change.from !== null && typeof change.from !== "string")) {
    return invalid("a change in job.history must name its statuses.");
  }
  return {
    from: change.from,
    to: change.to,
    at: checkDate(change.at, "a change in job.history"),
    version: checkInteger(change.version, "a version in job.history", 1, Number.MAX_SAFE_INTEGER),
    ...(by !== undefined && { by }),
    ...(note !== undefined && { note }),
    ...(key !== undefined && { key }),
  };
}
