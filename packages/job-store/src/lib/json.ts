import { JobStoreError, type JobStoreErrorFields } from "./errors.js";

/** Maximum depth of JSON, in levels. More than a payload needs, and few enough for every JSON parser that may read a record. */
const MAX_DEPTH = 500;

const TOO_DEEP = `is nested deeper than ${MAX_DEPTH} levels`;

/**
 * Returns JSON text that parses to the same value. `JSON.stringify` alone converts NaN to null, a Date to a string and a Map to
 * {}. This function rejects such values.
 *
 * @param name of the value, for the error
 * @throws JobStoreError INVALID_DATA
 */
export function toJson(value: unknown, name: string, fields: JobStoreErrorFields = {}): string {
  const fault = findFault(value, 0, new Set());
  if (fault !== null) {
    const { message } = fault;
    const path = shortened(fault);
    throw new JobStoreError("INVALID_DATA", `\`${formatPath(name, path)}\` ${message}.`, {
      ...fields,
      issues: [{ path, message }],
    });
  }
  return JSON.stringify(value);
}

/** Describes why a value is not JSON. Returns null if it is. @param name of the value, for the description */
export function describeFault(value: unknown, name: string): string | null {
  const fault = findFault(value, 0, new Set());
  return fault === null ? null : `\`${formatPath(name, shortened(fault))}\` ${fault.message}`;
}

/** Returns the location of a fault. The location of a value that is nested too deeply is cut. */
function shortened({ path, message }: Fault): readonly (string | number)[] {
  return message === TOO_DEEP ? path.slice(0, 8) : path;
}

/** Returns the location of a value in JavaScript notation, for example `data.pages[0].title`. */
export function formatPath(name: string, path: readonly (string | number)[]): string {
  return name + path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
}

/** Reason why a value is not JSON. */
interface Fault {
  /** Location of the value. It is built from the innermost key outwards, and only if there is a fault. */
  readonly path: (string | number)[];
  readonly message: string;
}

/** @param ancestors objects that contain the value */
function findFault(value: unknown, depth: number, ancestors: Set<object>): Fault | null {
  if (value === null || typeof value === "string" || typeof value === "boolean") return null;
  if (typeof value === "number") {
    return Number.isFinite(value) ? null : { path: [], message: `is ${value}, which JSON cannot represent` };
  }
  if (typeof value !== "object") return { path: [], message: `is a ${typeof value}, which JSON cannot represent` };
  if (ancestors.has(value)) return { path: [], message: "contains itself" };
  if (depth >= MAX_DEPTH) return { path: [], message: TOO_DEEP };

  ancestors.add(value);
  const fault = Array.isArray(value) ? faultInArray(value, depth, ancestors) : faultInObject(value, depth, ancestors);
  ancestors.delete(value);
  return fault;
}

function faultInArray(value: readonly unknown[], depth: number, ancestors: Set<object>): Fault | null {
  for (let index = 0; index < value.length; index++) {
    const fault = findFault(value[index], depth + 1, ancestors);
    if (fault !== null) return prepend(index, fault);
  }
  return null;
}

function faultInObject(value: object, depth: number, ancestors: Set<object>): Fault | null {
  const prototype = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain || "toJSON" in value) {
    return { path: [], message: `is a ${value.constructor?.name ?? "value"}, which JSON cannot represent` };
  }
  for (const key of Object.keys(value)) {
    const child: unknown = value[key as keyof typeof value];
    // JSON does not distinguish an undefined property from an absent one.
    if (child === undefined) continue;
    const fault = findFault(child, depth + 1, ancestors);
    if (fault !== null) return prepend(key, fault);
  }
  return null;
}

function prepend(key: string | number, fault: Fault): Fault {
  fault.path.unshift(key);
  return fault;
}
