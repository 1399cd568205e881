import { invalid, show } from "./arguments.js";
import type { JobDefinition } from "./definition.js";
import type { Fields, Range } from "./driver.js";
import { JobStoreError } from "./errors.js";
import { isError } from "./is-error.js";

const MAX_VALUE_LENGTH = 256;

/** Source of the values that the jobs of a store can be found by. */
export interface IndexReader {
  /** Returns the values of a job that is stored. @throws JobStoreError INVALID_DATA */
  readonly valuesOf: (data: unknown, jobId: string) => Fields;
  /** Checks whether a job that the index lists still has the value. */
  readonly matches: (where: NonNullable<Range["where"]>, data: unknown) => boolean;
}

const NO_FIELDS: Fields = new Map();

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
): Fields {
  const fields = new Map<string, string>();
  for (const field of fieldNames) {
    const value = readValue(field);
    if (value === null || value === undefined) continue;
    if (!isValue(value)) {
      const fault = `must be a string of 1 to ${MAX_VALUE_LENGTH} characters, null or undefined, and is ${show(value)}`;
      throw invalidValue(field, fault, jobId);
    }
    fields.set(field, value);
  }
  return fields;
}

/** What can be found in data that is stored already. Where a field's function fails on it, it has nothing there. */
export function readIndexValues(definition: JobDefinition, data: unknown): Fields {
  const fields = new Map<string, string>();
  for (const field of Object.keys(definition.index ?? {})) {
    try {
      const value = readField(definition, field, data);
      if (isValue(value)) fields.set(field, value);
    } catch {}
  }
  return fields;
}

/** Whether data has this value in this field. Where the field's function fails on it, it has not. */
function matches(definition: JobDefinition, { field, value }: NonNullable<Range["where"]>, data: unknown) {
  try {
    return readField(definition, field, data) === value;
  } catch {
    return false;
  }
}

/** The one field of a query, and the value it must have. @throws JobStoreError INVALID_ARGUMENT */
export function checkWhere(definition: JobDefinition, where: unknown): Range["where"] {
  if (where === undefined) return null;
  if (typeof where !== "object" || where === null) return invalid("where must be { field: value }.");
  const asked = Object.entries(where).filter(([, value]) => value !== undefined);
  const [field, value] = asked[0] ?? [];
  if (field === undefined || asked.length > 1) {
    return invalid(`where must name exactly one field, and names ${asked.length}.`);
  }
  if (!Object.hasOwn(definition.index ?? {}, field)) {
    const known = Object.keys(definition.index ?? {}).join(", ") || "none";
    return invalid(`${show(field)} is no indexed field of "${definition.name}", whose fields are ${known}.`);
  }
  if (!isValue(value)) {
    return invalid(`where.${field} must be a string of 1 to ${MAX_VALUE_LENGTH} characters, and is ${show(value)}.`);
  }
  return { field, value };
}

function readField(definition: JobDefinition, field: string, data: unknown, jobId?: string): unknown {
  // The function takes what the definition's schema has accepted, and this is it.
  const read = definition.index?.[field] as ((data: unknown) => unknown) | undefined;
  try {
    return read?.(data);
  } catch (error) {
    throw invalidValue(field, `failed: ${isError(error) ? error.message : "it threw no error"}`, jobId);
  }
}

function isValue(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_VALUE_LENGTH;
}

function invalidValue(field: string, fault: string, jobId: string | undefined): JobStoreError {
  const issues = [{ path: [], message: `the indexed field ${field} ${fault}` }];
  return new JobStoreError("INVALID_DATA", `data: the indexed field ${field} ${fault}.`, { jobId, issues });
}
