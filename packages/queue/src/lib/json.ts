/** Deeper than any real payload, and shallow enough for every JSON reader on the way. */
const MAX_DEPTH = 500;

/**
 * Why `value` would not come back from JSON as itself; null where it would. `JSON.stringify` alone turns NaN into null, a
 * Date into a string, a Map into {}, and never returns from no cycle: here each is refused, with its place.
 */
export function whyNotJson(value: unknown): string | null {
  return faultIn(value, "", 0, new Set());
}

function faultIn(value: unknown, path: string, depth: number, above: Set<object>): string | null {
  switch (typeof value) {
    case "string":
    case "boolean":
      return null;
    case "number":
      return Number.isFinite(value) ? null : `${value}${at(path)}`;
    case "object":
      break;
    default:
      return `a value of type ${typeof value}${at(path)}`;
  }
  if (value === null) return null;
  if (above.has(value)) return `a value${at(path)} that contains itself`;
  if (depth >= MAX_DEPTH) return `more than ${MAX_DEPTH} levels of nesting`;

  above.add(value);
  const fault = Array.isArray(value)
    ? faultInArray(value, path, depth, above)
    : faultInObject(value, path, depth, above);
  above.delete(value);
  return fault;
}

function faultInArray(items: readonly unknown[], path: string, depth: number, above: Set<object>): string | null {
  for (let index = 0; index < items.length; index++) {
    const fault = faultIn(items[index], `${path}[${index}]`, depth + 1, above);
    if (fault !== null) return fault;
  }
  return null;
}

function faultInObject(value: object, path: string, depth: number, above: Set<object>): string | null {
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!plain || "toJSON" in value) return `a ${value.constructor?.name || "value"}${at(path)}`;
  for (const [key, child] of Object.entries(value)) {
    // An absent property and one that is undefined are the same in JSON.
    if (child === undefined) continue;
    const fault = faultIn(child, `${path}.${key}`, depth + 1, above);
    if (fault !== null) return fault;
  }
  return null;
}

/** Paths of hostile values can be as long as the value. */
function at(path: string): string {
  if (path === "") return "";
  return path.length > 80 ? ` at ${path.slice(0, 80)}…` : ` at ${path}`;
}
