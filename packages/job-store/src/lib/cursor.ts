import { invalid } from "./arguments.js";
import type { Position, Range } from "./driver.js";

/** A cursor names its query, so that one from another query is refused instead of returning a page of something else. */
export function writeCursor(definition: string, range: Range, next: Position): string {
  return Buffer.from(JSON.stringify([queryOf(definition, range), next.at, next.id])).toString("base64url");
}

/** @throws JobStoreError INVALID_ARGUMENT for a cursor that no page of this query gave out */
export function readCursor(definition: string, range: Range, cursor: unknown): Position {
  const parts = typeof cursor === "string" && cursor.length < 4096 ? parse(cursor) : null;
  if (Array.isArray(parts) && parts.length === 3) {
    const [query, at, id] = parts;
    if (query === queryOf(definition, range) && Number.isSafeInteger(at) && at >= 0 && typeof id === "string") {
      return { at, id };
    }
  }
  return invalid("This cursor does not belong to this query; leave it out to begin anew.");
}

function queryOf(definition: string, range: Range): string {
  const statuses = range.statuses === null ? null : [...range.statuses].sort();
  return JSON.stringify([definition, statuses, range.order, range.after, range.before]);
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    return null;
  }
}
