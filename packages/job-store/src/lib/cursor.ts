import { invalid } from "./arguments.js";
import type { Place, Position, Range } from "./driver.js";
import { textFromBase64url, textToBase64url } from "./utf8.js";

/** A cursor names its query, so that one from another query is refused instead of returning a page of something else. */
export function writeCursor(definition: string, range: Range, next: Position): string {
  return encode([queryOf(definition, range), next.at, next.id]);
}

/** @throws JobStoreError INVALID_ARGUMENT for a cursor that no page of this query gave out */
export function readCursor(definition: string, range: Range, cursor: unknown): Position {
  const [query, at, id] = decode(cursor, 3);
  if (query === queryOf(definition, range) && isCount(at) && typeof id === "string") return { at, id };
  return invalid("This cursor does not belong to this query; leave it out to begin anew.");
}

/** Of an event: a place in each log, null where the watcher of one job knows none. */
export function writeEventCursor(definition: string, places: readonly (Place | null)[]): string {
  return encode(["events", definition, places.map((place) => place && [place.log, place.number])]);
}

/** @throws JobStoreError INVALID_ARGUMENT for a cursor that no event of this definition carried */
export function readEventCursor(definition: string, logs: number, cursor: unknown): readonly (Place | null)[] {
  const [kind, name, places] = decode(cursor, 3);
  if (kind === "events" && name === definition && Array.isArray(places) && places.length === logs) {
    if (places.every((place) => place === null || isPlace(place))) {
      return places.map((place) => place && { log: place[0], number: place[1] });
    }
  }
  return invalid("This cursor belongs to no event of this store; leave it out to begin with what happens now.");
}

function queryOf(definition: string, range: Range): string {
  const statuses = range.statuses === null ? null : [...range.statuses].sort();
  const { where, order, after, before } = range;
  return JSON.stringify([definition, statuses, order, after, before, where && [where.field, where.value]]);
}

function isPlace(value: unknown): value is [string, number] {
  return Array.isArray(value) && typeof value[0] === "string" && isCount(value[1]);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function encode(parts: readonly unknown[]): string {
  return textToBase64url(JSON.stringify(parts));
}

/** The parts of a cursor, or none of them where it is no cursor at all. */
function decode(cursor: unknown, count: number): readonly unknown[] {
  if (typeof cursor !== "string" || cursor.length > 65_536) return [];
  try {
    const text = textFromBase64url(cursor);
    // Decoding accepts padding, white space and the standard alphabet, which no cursor has.
    if (textToBase64url(text) !== cursor) return [];
    const parts: unknown = JSON.parse(text);
    return Array.isArray(parts) && parts.length === count ? parts : [];
  } catch {
    return [];
  }
}
