import type { JobRecord, ReadResult, Unreadable } from "../driver.js";
import type { StatusChange } from "../job.js";
import { ByteReader, Unexpected } from "./byte-reader.js";

/** Reading of a key whose value is not a string. */
export const WRONG_TYPE: Unreadable = { kind: "unreadable", reason: "its key contains a value that is not a string" };

/** Reading of a string that is not a record. */
const NOT_A_RECORD: Unreadable = { kind: "unreadable", reason: "its value is not a job record" };

/** Reading of a record that a newer version has stored in another form; see lua/includes/record.lua. */
const OTHER_FORM: Unreadable = {
  kind: "unreadable",
  reason: "it is stored in a form that this version cannot read; use a newer version of @subtitles/job-store",
  isNewer: true,
};

/** Beginning of a record of another form. */
const FORM = '{"form":';

/** Returns the reading for a value that is not a record, from the first bytes of the value. */
export function unreadableFrom(beginning: string): Unreadable {
  return beginning.startsWith(FORM) ? OTHER_FORM : NOT_A_RECORD;
}

/** Returns the reading for the value of a job's key. null: the key does not exist. */
export function readingOf(id: string, stored: string | Buffer | null): ReadResult {
  if (stored === null) return { kind: "absent" };
  const record = readRecord(id, stored);
  return "kind" in record ? record : { kind: "record", record };
}

/** Reads a record in the layout of lua/includes/record.lua. A Buffer is read faster than a string. */
export function readRecord(id: string, stored: string | Buffer): JobRecord | Unreadable {
  try {
    return recordFrom(id, new ByteReader(typeof stored === "string" ? Buffer.from(stored) : stored));
  } catch (error) {
    if (error instanceof Unexpected || error instanceof SyntaxError)
      return unreadableFrom(typeof stored === "string" ? stored : stored.toString("latin1", 0, FORM.length));
    throw error;
  }
}

const text = (characters: string): Uint8Array => Buffer.from(characters);
const VERSION = text('{"version":');
const STATUS = text(',"status":');
const ATTEMPT = text(',"attempt":');
const TTL = text(',"ttl":');
const TIMES = text(',"times":[');
const OPERATIONS = text('],"ops":"');
const HISTORY = text('"history":[\n');
const TIMES_AND_HISTORY = text('],"history":[\n');
const PROGRESS = text('"progress":');
const RESULT = text('"result":');
const ERROR = text('"error":');
const DATA = text('"data":');
const NULL = text("null");
const LINE_BREAK = text("\n");
const COMMA = text(",");
const OPEN = text("[");
const CLOSE = text("]");
const QUOTE = text('"');
const END = text("}");
/** Separator of history entries. */
const NEXT_ENTRY = text(",\n");

function recordFrom(id: string, reader: ByteReader): JobRecord {
  reader.pass(VERSION);
  const version = reader.integer();
  reader.pass(STATUS);
  const status = reader.string();
  reader.pass(ATTEMPT);
  const attempt = reader.integer();
  reader.pass(TTL);
  const ttl = reader.time();
  reader.pass(TIMES);
  const createdAt = reader.time();
  reader.pass(COMMA);
  const statusAt = reader.time();
  const updatedAt = reader.passes(COMMA) ? reader.time() : statusAt;
  const history = historyFrom(reader, createdAt);
  let progress: unknown = null;
  let result: unknown = null;
  let error: unknown = null;
  for (;;) {
    reader.pass(LINE_BREAK);
    if (reader.passes(DATA)) break;
    if (reader.passes(PROGRESS)) progress = lineFrom(reader);
    else if (reader.passes(RESULT)) result = lineFrom(reader);
    else if (reader.passes(ERROR)) error = lineFrom(reader);
    else reader.passSpaces();
  }
  const data = reader.jsonToEnd();
  reader.pass(END);
  return {
    id,
    status,
    version,
    attempt,
    data,
    progress,
    result,
    error,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
    statusAt: new Date(statusAt),
    expiresAt: ttl === 0 ? null : new Date(statusAt + ttl),
    // Leases are not part of the record; see leases.ts.
    leasedUntil: null,
    history,
  };
}

function lineFrom(reader: ByteReader): unknown {
  const value = reader.jsonToEndOfLine();
  reader.pass(COMMA);
  return value;
}

/** Reads the history. The text begins with the newest entry, the result with the oldest. */
function historyFrom(reader: ByteReader, createdAt: number): readonly StatusChange[] {
  if (!reader.passes(TIMES_AND_HISTORY)) {
    reader.pass(OPERATIONS);
    reader.passBehind(QUOTE);
    reader.pass(COMMA);
    reader.pass(HISTORY);
  }
  const history: StatusChange[] = [];
  if (reader.passes(OPEN)) {
    do history.push(changeFrom(reader, createdAt));
    while (reader.passes(NEXT_ENTRY) && reader.passes(OPEN));
    reader.pass(LINE_BREAK);
  }
  reader.pass(CLOSE);
  reader.pass(COMMA);
  return history.reverse();
}

function changeFrom(reader: ByteReader, createdAt: number): StatusChange {
  const version = reader.integer();
  reader.pass(COMMA);
  const from = reader.passes(NULL) ? null : reader.string();
  reader.pass(COMMA);
  const to = reader.string();
  reader.pass(COMMA);
  let time = reader.time();
  let metadata: object | null = null;
  if (reader.passes(COMMA)) {
    reader.pass(QUOTE);
    // An imported entry has no operation, and its own time.
    if (!reader.passes(QUOTE)) {
      reader.passBehind(QUOTE);
      if (time === 0) time = createdAt;
    }
    if (reader.passes(COMMA)) metadata = reader.object();
  }
  reader.pass(CLOSE);
  const change: Mutable<StatusChange> = { from, to, at: new Date(time), version };
  if (metadata !== null) {
    const { by, note, key }: { by?: unknown; note?: unknown; key?: unknown } = metadata;
    if (typeof by === "string") change.by = by;
    if (typeof note === "string") change.note = note;
    if (typeof key === "string") change.key = key;
  }
  return change;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
