import { JobStoreError, type JobStoreErrorFields } from "./errors.js";

/** Deeper than any real payload, and shallow enough for every JSON reader that may look at a record. */
const MAX_DEPTH = 500;

type Path = readonly (string | number)[];

/**
 * JSON text that reads back as the same value. `JSON.stringify` alone turns NaN into null, a Date into a string and a
 * Map into {}: here each is refused, with its place.
 *
 * @throws JobStoreError INVALID_DATA
 */
export function toJson(value: unknown, what: string, fields: JobStoreErrorFields = {}): string {
  const fault = findFault(value, [], new Set());
  if (fault !== null) {
    const place = fault.path.length === 0 ? what : `${what} at ${showPath(fault.path)}`;
    throw new JobStoreError("INVALID_DATA", `${place} ${fault.message}.`, { ...fields, issues: [fault] });
  }
  return JSON.stringify(value);
}

/** A place as JavaScript writes it: `pages[0].title`. */
export function showPath(path: Path): string {
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`));
  return steps.join("").replace(/^\./, "");
}

function findFault(value: unknown, path: Path, above: Set<object>): { path: Path; message: string } | null {
  if (value === null || typeof value === "string" || typeof value === "boolean") return null;
  if (typeof value === "number") {
    return Number.isFinite(value) ? null : { path, message: `is ${value}, which JSON cannot carry` };
  }
  if (typeof value !== "object") return { path, message: `is a ${typeof value}, which JSON cannot carry` };
  if (above.has(value)) return { path, message: "contains itself" };
  if (path.length >= MAX_DEPTH) return { path: path.slice(0, 8), message: `is nested deeper than ${MAX_DEPTH} levels` };

  above.add(value);
  const fault = Array.isArray(value) ? faultInArray(value, path, above) : faultInObject(value, path, above);
  above.delete(value);
  return fault;
}

function faultInArray(value: readonly unknown[], path: Path, above: Set<object>) {
  for (let index = 0; index < value.length; index++) {
    const fault = findFault(value[index], [...path, index], above);
    if (fault !== null) return fault;
  }
  return null;
}

function faultInObject(value: object, path: Path, above: Set<object>) {
  const prototype = Object.getPrototypeOf(value);
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!plain || "toJSON" in value) {
    return { path, message: `is a ${value.constructor?.name ?? "value"} that JSON cannot carry` };
  }
  for (const [key, child] of Object.entries(value)) {
    // An absent property and one that is undefined are the same in JSON.
    if (child === undefined) continue;
    const fault = findFault(child, [...path, key], above);
    if (fault !== null) return fault;
  }
  return null;
}
