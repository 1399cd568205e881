import { invalid } from "./arguments.js";
import type { ListPosition, ListRequest, LogPosition, OutboxPosition } from "./driver.js";
import type { OutboxKind } from "./outbox.js";
import { textFromBase64url, textToBase64url } from "./utf8.js";

/** Encodes a position in a list as a cursor. The cursor contains the query, so that another query rejects it. */
export function writeCursor(definition: string, request: ListRequest, next: ListPosition): string {
  return encode([queryOf(definition, request), next.at, next.id]);
}

/** Decodes the cursor of a list. @throws JobStoreError INVALID_ARGUMENT if it does not come from a page of this query */
export function readCursor(definition: string, request: ListRequest, cursor: unknown): ListPosition {
  const [query, at, id] = decode(cursor, 3);
  if (query === queryOf(definition, request) && isCount(at) && typeof id === "string") return { at, id };
  return invalid(
    "Invalid `cursor`: it comes from a query with other filters or from another job type. Repeat the original query, or omit `cursor` to start with the first page.",
  );
}

/** Encodes a position in a list of messages as a cursor. */
export function writeOutboxCursor(definition: string, kind: OutboxKind, next: OutboxPosition): string {
  return encode(["outbox", definition, kind, next.map((position) => position && [position.at, position.id])]);
}

/** Decodes the cursor of a list of messages. @throws JobStoreError INVALID_ARGUMENT if it does not come from a page of this kind */
export function readOutboxCursor(definition: string, kind: OutboxKind, logs: number, cursor: unknown): OutboxPosition {
  const [of, name, ofKind, positions] = decode(cursor, 4);
  if (of === "outbox" && name === definition && ofKind === kind && Array.isArray(positions)) {
    if (positions.length === logs && positions.every((position) => position === null || isMessagePosition(position))) {
      return positions.map((position) => position && { at: position[0], id: position[1] });
    }
  }
  return invalid(
    "Invalid `cursor`: it comes from a page of another kind or of another store. Omit `cursor` to start with the first page.",
  );
}

/** Encodes the position in each event log as a cursor. null: the watcher of one job has no position in this log. */
export function writeEventCursor(definition: string, positions: readonly (LogPosition | null)[]): string {
  return encode(["events", definition, positions.map((position) => position && [position.log, position.number])]);
}

/** Decodes the cursor of an event. @throws JobStoreError INVALID_ARGUMENT if it does not come from an event of this definition */
export function readEventCursor(definition: string, logs: number, cursor: unknown): readonly (LogPosition | null)[] {
  const [kind, name, positions] = decode(cursor, 3);
  if (kind === "events" && name === definition && Array.isArray(positions) && positions.length === logs) {
    if (positions.every((position) => position === null || isPosition(position))) {
      return positions.map((position) => position && { log: position[0], number: position[1] });
    }
  }
  return invalid(
    "Invalid `after`: the cursor does not come from an event of this store. Omit `after` to receive only new events.",
  );
}

function queryOf(definition: string, request: ListRequest): string {
  const statuses = request.statuses === null ? null : [...request.statuses].sort();
  const { where, order, after, before } = request;
  return JSON.stringify([definition, statuses, order, after, before, where && [where.field, where.value]]);
}

function isPosition(value: unknown): value is [string, number] {
  return Array.isArray(value) && typeof value[0] === "string" && isCount(value[1]);
}

function isMessagePosition(value: unknown): value is [number, string] {
  return Array.isArray(value) && isCount(value[0]) && typeof value[1] === "string" && MESSAGE_ID.test(value[1]);
}

/** Id of a message in a position: one number, or two numbers with `-` between them. */
const MESSAGE_ID = /^\d{1,16}(-\d{1,16})?$/;

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Encodes JSON values as opaque text. */
function encode(parts: readonly unknown[]): string {
  return textToBase64url(JSON.stringify(parts));
}

/** Decodes a cursor. Returns an empty array if it is not valid. */
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
