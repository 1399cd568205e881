import { JobStoreError, type JobStoreErrorFields } from "./errors.js";

/** Deeper than any real payload, and shallow enough for every JSON reader that may look at a record. */
const MAX_DEPTH = 500;

const TOO_DEEP = `is nested deeper than ${MAX_DEPTH} levels`;

/**
 * JSON text that reads back as the same value. `JSON.stringify` alone turns NaN into null, a Date into a string and a
 * Map into {}: here each is refused, with its place.
 *
 * @throws JobStoreError INVALID_DATA
 */
export function toJson(value: unknown, what: string, fields: JobStoreErrorFields = {}): string {
  const fault = findFault(value, 0, new Set());
  if (fault !== null) {
    const { message } = fault;
    const path = message === TOO_DEEP ? fault.path.slice(0, 8) : fault.path;
    const place = path.length === 0 ? what : `${what} at ${showPath(path)}`;
    throw new JobStoreError("INVALID_DATA", `${place} ${message}.`, { ...fields, issues: [{ path, message }] });
  }
  return JSON.stringify(value);
}

/** A place as JavaScript writes it: `pages[0].title`. */
export function showPath(path: readonly (string | number)[]): string {
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`));
  return steps.join("").replace(/^\./, "");
}

/** The path is made only if there is a fault, from the inside out. */
interface Fault {
  readonly path: (string | number)[];
  readonly message: string;
}

/** @param above the objects that the value is in */
function findFault(value: unknown, depth: number, above: Set<object>): Fault | null {
  if (value === null || typeof value === "string" || typeof value === "boolean") return null;
  if (typeof value === "number") {
    return Number.isFinite(value) ? null : { path: [], message: `is ${value}, which JSON cannot carry` };
  }
  if (typeof value !== "object") return { path: [], message: `is a ${typeof value}, which JSON cannot carry` };
  if (above.has(value)) return { path: [], message: "contains itself" };
  if (depth >= MAX_DEPTH) return { path: [], message: TOO_DEEP };

  above.add(value);
  const fault = Array.isArray(value) ? faultInArray(value, depth, above) : faultInObject(value, depth, above);
  above.delete(value);
  return fault;
}

function faultInArray(value: readonly unknown[], depth: number, above: Set<object>): Fault | null {
  for (let index = 0; index < value.length; index++) {
    const fault = findFault(value[index], depth + 1, above);
    if (fault !== null) return within(index, fault);
  }
  return null;
}

function faultInObject(value: object, depth: number, above: Set<object>): Fault | null {
  const prototype = Object.getPrototypeOf(value);
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!plain || "toJSON" in value) {
    return { path: [], message: `is a ${value.constructor?.name ?? "value"} that JSON cannot carry` };
  }
  for (const key of Object.keys(value)) {
    const child: unknown = value[key as keyof typeof value];
    // An absent property and one that is undefined are the same in JSON.
    if (child === undefined) continue;
    const fault = findFault(child, depth + 1, above);
    if (fault !== null) return within(key, fault);
  }
  return null;
}

function within(step: string | number, fault: Fault): Fault {
  fault.path.unshift(step);
  return fault;
}
