import type { JobRecord, Reading, Unreadable } from "../driver.js";
import type { StatusChange } from "../job.js";
import { ByteReader, Unexpected } from "./byte-reader.js";

/** Reading of a key whose value is not a string. */
export const FOREIGN: Unreadable = { kind: "unreadable", reason: "its key holds something that is no string" };

const NO_RECORD: Unreadable = { kind: "unreadable", reason: "what is stored is not a job record" };

/** Returns the reading for the value of a job's key. null: the key does not exist. */
export function readingOf(id: string, stored: string | Buffer | null): Reading {
  if (stored === null) return { kind: "absent" };
  const record = readRecord(id, stored);
  return "kind" in record ? record : { kind: "record", record };
}

/** Reads a record in the layout of lua/record.lua. A Buffer is read faster than a string. */
export function readRecord(id: string, stored: string | Buffer): JobRecord | Unreadable {
  try {
    return recordFrom(id, new ByteReader(typeof stored === "string" ? Buffer.from(stored) : stored));
  } catch (error) {
    if (error instanceof Unexpected || error instanceof SyntaxError) return NO_RECORD;
    throw error;
  }
}

const text = (characters: string): Uint8Array => Buffer.from(characters);
const VERSION = text('{"version":');
const STATUS = text(',"status":');
const ATTEMPT = text(',"attempt":');
const TIMES = text(',"times":[');
const LINE_BREAK = text("\n");
const COMMA = text(",");
const PROGRESS = text('"progress":');
const RESULT = text('"result":');
const ERROR = text('"error":');
const DATA = text('"data":');
const OPERATIONS = text('\n"ops":"');
const HISTORY = text(',\n"history":[');
const ENTRY = text("\n[");
const NULL = text("null");
const CLOSE = text("]");
const CLOSE_LINE = text("],\n");
const END = text("]}");
const QUOTE = 34;

function recordFrom(id: string, reader: ByteReader): JobRecord {
  reader.pass(VERSION);
  const version = reader.integer();
  reader.pass(STATUS);
  const status = reader.string();
  reader.pass(ATTEMPT);
  const attempt = reader.integer();
  reader.pass(TIMES);
  const createdAt = reader.time();
  reader.pass(COMMA);
  const statusAt = createdAt + reader.time();
  reader.pass(COMMA);
  const ttl = reader.time();
  const updatedAt = reader.passes(COMMA) ? createdAt + reader.time() : statusAt;
  reader.pass(CLOSE_LINE);
  const progress = part(reader, PROGRESS);
  const result = part(reader, RESULT);
  const error = part(reader, ERROR);
  reader.pass(DATA);
  const data = reader.jsonToEndOfLine();
  reader.pass(COMMA);
  reader.pass(OPERATIONS);
  reader.passBehind(QUOTE);
  reader.pass(HISTORY);
  const history: StatusChange[] = [];
  if (reader.passes(ENTRY)) {
    do history.push(changeFrom(reader, createdAt));
    while (reader.passes(COMMA) && reader.passes(ENTRY));
  }
  reader.pass(END);
  reader.end();
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
    history,
  };
}

/** Reads a line with this part. The line is blank if the job does not have the part: null. */
function part(reader: ByteReader, name: Uint8Array): unknown {
  let value: unknown = null;
  if (reader.passes(name)) {
    value = reader.jsonToEndOfLine();
    reader.pass(COMMA);
  }
  reader.pass(LINE_BREAK);
  return value;
}

function changeFrom(reader: ByteReader, createdAt: number): StatusChange {
  const version = reader.integer();
  reader.pass(COMMA);
  const from = reader.passes(NULL) ? null : reader.string();
  reader.pass(COMMA);
  const to = reader.string();
  reader.pass(COMMA);
  const at = new Date(createdAt + reader.time());
  const change = { from, to, at, version };
  const remark = reader.passes(COMMA) ? remarkOf(reader.object()) : null;
  reader.pass(CLOSE);
  return remark === null ? change : { ...change, ...remark };
}

/** Returns the parts of a remark, without other keys. */
function remarkOf({ by, note, key }: { by?: unknown; note?: unknown; key?: unknown }): Partial<StatusChange> {
  return {
    ...(typeof by === "string" && { by }),
    ...(typeof note === "string" && { note }),
    ...(typeof key === "string" && { key }),
  };
}
