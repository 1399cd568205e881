import { invalid, show } from "../arguments.js";
import type { JobDefinition } from "../definition.js";
import type { IndexValues, ListRequest } from "../driver.js";
import { isError, JobStoreError } from "../errors.js";

/** Maximum length of an index value, in characters. */
const MAX_VALUE_LENGTH = 256;

/** Source of the index values of jobs. */
export interface IndexReader {
  /** Returns the index values of a job that is to be stored. @throws JobStoreError INVALID_DATA */
  readonly valuesOf: (data: unknown, jobId: string) => IndexValues;
  /** Checks whether a job that the index lists still has the value. */
  readonly matches: (where: NonNullable<ListRequest["where"]>, data: unknown) => boolean;
}

const NO_FIELDS: IndexValues = new Map();

/** Computes index values with the functions of the definition. */
export function computedIndex(definition: JobDefinition): IndexReader {
  const fields = Object.keys(definition.index ?? {});
  if (fields.length === 0) return { valuesOf: () => NO_FIELDS, matches: () => false };
  return {
    valuesOf: (data, jobId) => checkValues(fields, (field) => readField(definition, field, data, jobId), jobId),
    matches: (where, data) => matches(definition, where, data),
  };
}

/** Reads and checks the value of each field. @throws JobStoreError INVALID_DATA */
export function checkValues(
  fieldNames: readonly string[],
  readValue: (field: string) => unknown,
  jobId: string,
): IndexValues {
  const fields = new Map<string, string>();
  for (const field of fieldNames) {
    const value = readValue(field);
    if (value === null || value === undefined) continue;
    if (!isValue(value)) {
      const fault = `must be a string of 1 to ${MAX_VALUE_LENGTH} characters, null or undefined (got ${show(value)})`;
      throw invalidValue(field, fault, jobId);
    }
    fields.set(field, value);
  }
  return fields;
}

/** Returns the index values of stored data. A field whose function fails, or returns an invalid value, has no value. */
export function readIndexValues(definition: JobDefinition, data: unknown): IndexValues {
  const fields = new Map<string, string>();
  for (const field of Object.keys(definition.index ?? {})) {
    try {
      const value = readField(definition, field, data);
      if (isValue(value)) fields.set(field, value);
    } catch {}
  }
  return fields;
}

/** Returns true if the data has this value in this field. Returns false if the field's function fails. */
function matches(definition: JobDefinition, { field, value }: NonNullable<ListRequest["where"]>, data: unknown) {
  try {
    return readField(definition, field, data) === value;
  } catch {
    return false;
  }
}

/** Checks the filter of a query, and returns its field and value. @throws JobStoreError INVALID_ARGUMENT */
export function checkWhere(definition: JobDefinition, where: unknown): ListRequest["where"] {
  if (where === undefined) return null;
  if (typeof where !== "object" || where === null)
    return invalid("`where` must be an object such as { field: value }.");
  const requested = Object.entries(where).filter(([, value]) => value !== undefined);
  const [field, value] = requested[0] ?? [];
  if (field === undefined || requested.length > 1) {
    return invalid(`\`where\` must have exactly one field (got ${requested.length}).`);
  }
  if (!Object.hasOwn(definition.index ?? {}, field)) {
    const fields = Object.keys(definition.index ?? {});
    const hint =
      fields.length === 0
        ? "Declare index fields with `index` in defineJob."
        : `Its index fields: ${fields.join(", ")}.`;
    return invalid(`Field ${show(field)} is not an index field of "${definition.name}". ${hint}`);
  }
  if (!isValue(value)) {
    return invalid(`\`where.${field}\` must be a string of 1 to ${MAX_VALUE_LENGTH} characters (got ${show(value)}).`);
  }
  return { field, value };
}

function readField(definition: JobDefinition, field: string, data: unknown, jobId?: string): unknown {
  // The compiler cannot see that the data is an output of the definition's schema.
  const read = definition.index?.[field] as ((data: unknown) => unknown) | undefined;
  try {
    return read?.(data);
  } catch (error) {
    throw invalidValue(
      field,
      `could not be computed: ${isError(error) ? error.message : "it threw a value that is not an error"}`,
      jobId,
    );
  }
}

function isValue(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_VALUE_LENGTH;
}

function invalidValue(field: string, fault: string, jobId: string | undefined): JobStoreError {
  const message = `the index value of field "${field}" ${fault}`;
  return new JobStoreError("INVALID_DATA", `Invalid \`data\`: ${message}.`, { jobId, issues: [{ path: [], message }] });
}
