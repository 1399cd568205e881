import { type $ZodType, safeParse } from "zod/v4/core";
import { checkDate, checkId, checkInteger, checkKeys, checkMetadata, checkStatus, invalid } from "../arguments.js";
import type { JobDefinition } from "../definition.js";
import type { FullJob, IndexValues, JobRecord, RecordedChange } from "../driver.js";
import { type Issue, isError, JobStoreError, type JobStoreErrorFields, unreadable } from "../errors.js";
import type { Job, JobFailure, StatusChange } from "../job.js";
import { formatPath, toJson } from "../json.js";
import type { IndexReader } from "./index-values.js";
import { FAILURE_KEYS, HISTORY_KEYS, JOB_KEYS } from "./option-keys.js";

/** Parses a value with the schema, and returns the output as JSON text. @throws JobStoreError INVALID_DATA */
export function encode(schema: $ZodType, value: unknown, name: string, errorFields: JobStoreErrorFields = {}): string {
  return toJson(parseInput(schema, value, name, errorFields), name, errorFields);
}

/** Returns progress as JSON text. undefined keeps the stored progress, and null removes it. @throws JobStoreError INVALID_DATA */
export function encodeProgress(
  definition: JobDefinition,
  progress: unknown,
  errorFields: JobStoreErrorFields,
): string | null | undefined {
  if (progress === undefined || progress === null) return progress;
  return encode(definition.progress, progress, "progress", errorFields);
}

/** Returns a job's data as JSON text, together with its index values. @throws JobStoreError INVALID_DATA */
export function encodeData(
  definition: JobDefinition,
  data: unknown,
  jobId: string,
  index: IndexReader,
): { readonly data: string; readonly fields: IndexValues } {
  const parsed = parseInput(definition.data, data, "data", { jobId });
  return { data: toJson(parsed, "data", { jobId }), fields: index.valuesOf(parsed, jobId) };
}

function parseInput(schema: $ZodType, value: unknown, name: string, errorFields: JobStoreErrorFields): unknown {
  const parsed = parseWith(schema, value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed;
  const message =
    name !== "data" && schema._zod.def.type === "null"
      ? `Invalid \`${name}\`: the job definition has no ${name} schema. Add \`${name}\` to defineJob.`
      : `Invalid ${describe(name, issues)}`;
  throw new JobStoreError("INVALID_DATA", message, { ...errorFields, issues });
}

/** Describes the first issue, for example "`data.month`: expected string, received number". */
function describe(name: string, issues: readonly Issue[]): string {
  const [first] = issues;
  const reason = (first?.message ?? "rejected by the schema").replace(/^Invalid input: /, "");
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more, see issues)` : "";
  return `\`${formatPath(name, first?.path ?? [])}\`: ${reason}${more}`;
}

/** Checks the error of a job, and returns it as JSON text. @throws JobStoreError INVALID_ARGUMENT, INVALID_DATA */
export function encodeFailure(error: JobFailure, errorFields: JobStoreErrorFields = {}): string {
  if (typeof error !== "object" || error === null || typeof error.message !== "string") {
    return invalid("`error` must be an object such as { message, code, retryable }.");
  }
  // Errors of Node and of libraries have further properties of their own.
  if (!isError(error)) checkKeys(error, FAILURE_KEYS, "error");
  if (error.code !== undefined && typeof error.code !== "string") return invalid("`error.code` must be a string.");
  if (error.retryable !== undefined && typeof error.retryable !== "boolean") {
    return invalid("`error.retryable` must be true or false.");
  }
  return toJson({ message: error.message, code: error.code, retryable: error.retryable }, "error", errorFields);
}

type Parsed = { success: true; data: unknown } | { success: false; issues: readonly Issue[] };

function parseWith(schema: $ZodType, value: unknown): Parsed {
  try {
    const result = safeParse(schema, value);
    if (result.success) return result;
    const issues = result.error.issues.map(({ path, message }) => ({
      path: path.map((key) => (typeof key === "number" ? key : String(key))),
      message,
    }));
    return { success: false, issues };
  } catch (error) {
    // The schema is asynchronous, or the value is nested too deeply for the stack.
    const message = isError(error) ? error.message : "the schema failed";
    return { success: false, issues: [{ path: [], message }] };
  }
}

/**
 * Checks a record, and returns the same object as the job. A copy of each job would make pages slower.
 *
 * @param validate true: data, progress and result are replaced by the output of the schemas
 * @throws JobStoreError UNREADABLE_RECORD
 */
export function decode<D extends JobDefinition>(definition: D, record: JobRecord, validate: boolean): Job<D> {
  const { id, status } = record;
  if (!Object.hasOwn(definition.statuses, status)) {
    throw unreadable(id, `its status "${status}" is not defined in "${definition.name}"`);
  }
  if (validate) {
    record.data = parseStored(definition.data, record.data, "data", id);
    if (record.progress !== null) record.progress = parseStored(definition.progress, record.progress, "progress", id);
    if (record.result !== null) record.result = parseStored(definition.result, record.result, "result", id);
  }
  // The compiler cannot see that a record whose parts are valid is a Job<D>.
  return record as unknown as Job<D>;
}

/** Parses a stored value with the schema, and returns the output. @throws JobStoreError UNREADABLE_RECORD */
function parseStored(schema: $ZodType, value: unknown, name: string, jobId: string): unknown {
  const parsed = parseWith(schema, value);
  if (parsed.success) return parsed.data;
  throw unreadable(jobId, `it does not match the schema: ${describe(name, parsed.issues)}`);
}

/** Maximum version and attempt of a saved job. Later changes count on from it, and the scripts of Redis write 14 digits exactly. */
const MAX_COUNT = 10 ** 13;

/** Checks a job that the caller made, and returns it as a record to store. @throws JobStoreError INVALID_ARGUMENT, INVALID_DATA */
export function encodeJob<D extends JobDefinition>(
  definition: D,
  job: Job<D>,
  historyLimit: number,
  index: IndexReader,
): FullJob {
  if (typeof job !== "object" || job === null) return invalid("`save` requires a job with all of its properties.");
  checkKeys(job, JOB_KEYS, "The job of save");
  const id = checkId(job.id);
  const errorFields = { jobId: id };
  if (!Array.isArray(job.history)) return invalid("`job.history` must be an array.");
  const oldest = Math.max(job.history.length - historyLimit, 0);
  return {
    id,
    status: checkStatus(definition, job.status),
    version: checkInteger(job.version, "job.version", 1, MAX_COUNT),
    attempt: checkInteger(job.attempt, "job.attempt", 1, MAX_COUNT),
    createdAt: checkDate(job.createdAt, "job.createdAt"),
    updatedAt: checkDate(job.updatedAt, "job.updatedAt"),
    statusAt: checkDate(job.statusAt, "job.statusAt"),
    ...encodeData(definition, job.data, id, index),
    progress: job.progress === null ? null : encode(definition.progress, job.progress, "progress", errorFields),
    result: job.result === null ? null : encode(definition.result, job.result, "result", errorFields),
    error: job.error === null ? null : encodeFailure(job.error, errorFields),
    history: job.history.slice(oldest).map((change, n) => encodeChange(change, `job.history[${oldest + n}]`)),
  };
}

/** Checks an entry of the history. Its statuses can be unknown, because a definition can lose statuses. */
function encodeChange(change: StatusChange, name: string): RecordedChange {
  if (typeof change !== "object" || change === null) return invalid(`\`${name}\` must be an object.`);
  checkKeys(change, HISTORY_KEYS, name);
  const { by, note, key } = checkMetadata(change);
  if (typeof change.to !== "string" || (change.from !== null && typeof change.from !== "string")) {
    return invalid(`\`${name}\` must have the statuses \`from\` and \`to\`.`);
  }
  return {
    from: change.from,
    to: change.to,
    at: checkDate(change.at, `${name}.at`),
    version: checkInteger(change.version, `${name}.version`, 1, Number.MAX_SAFE_INTEGER),
    ...(by !== undefined && { by }),
    ...(note !== undefined && { note }),
    ...(key !== undefined && { key }),
  };
}
