import type { Fields, JobRecord, Reading, RecordedChange, Remark, Unreadable, WholeJob } from "../driver.js";
import type { StatusChange } from "../job.js";

/** The record's text as JavaScript sees it; lua/record.lua describes it line by line. */
interface RecordText {
  readonly version: number;
  readonly status: string;
  readonly attempt: number;
  /** createdAt; relative to it statusAt; the TTL (0: for ever); and, where it is not statusAt, updatedAt, relative again. */
  readonly times: readonly [number, number, number, number?];
  readonly progress?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly data: unknown;
  readonly history: readonly (readonly [number, string | null, string, number, Remark?])[];
}

/** Of a key that holds something else than text. */
export const FOREIGN: Unreadable = { kind: "unreadable", reason: "its key holds something that is no string" };

/** What a job's key gave; null: nothing is there. */
export function readingOf(id: string, text: string | null): Reading {
  if (text === null) return { kind: "absent" };
  const record = readRecord(id, text);
  return "kind" in record ? record : { kind: "record", record };
}

export function readRecord(id: string, text: string): JobRecord | Unreadable {
  let parsed: RecordText;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { kind: "unreadable", reason: "what is stored is not JSON" };
  }
  if (!isRecordText(parsed)) return { kind: "unreadable", reason: "what is stored is not a job record" };
  const [createdAt, entered, ttl, updated = entered] = parsed.times;
  const statusAt = createdAt + entered;
  const history: StatusChange[] = [];
  for (const [version, from, to, at, remark] of parsed.history) {
    const change = { from, to, at: new Date(createdAt + at), version };
    history.push(remark === undefined ? change : { ...change, ...remarkOf(remark) });
  }
  return {
    id,
    status: parsed.status,
    version: parsed.version,
    attempt: parsed.attempt,
    data: parsed.data,
    progress: parsed.progress ?? null,
    result: parsed.result ?? null,
    error: parsed.error ?? null,
    createdAt: new Date(createdAt),
    updatedAt: new Date(createdAt + updated),
    statusAt: new Date(statusAt),
    expiresAt: ttl === 0 ? null : new Date(statusAt + ttl),
    history,
  };
}

/** Nothing but what a remark is made of. */
function remarkOf({ by, note, key }: Remark): Remark {
  return { ...(by !== undefined && { by }), ...(note !== undefined && { note }), ...(key !== undefined && { key }) };
}

/** Others can write under our keys; what is read further on must have its shape. */
function isRecordText(value: unknown): value is RecordText {
  if (typeof value !== "object" || value === null) return false;
  const { version, status, attempt, times, history } = value as Partial<RecordText>;
  return (
    Number.isSafeInteger(version) &&
    typeof status === "string" &&
    Number.isSafeInteger(attempt) &&
    "data" in value &&
    Array.isArray(times) &&
    (times.length === 3 || times.length === 4) &&
    times.every(isTime) &&
    Array.isArray(history) &&
    history.every((entry) => Array.isArray(entry) && typeof entry[2] === "string" && isTime(entry[3]))
  );
}

/** Three of these, one added to the other, are still a date. */
function isTime(value: unknown): boolean {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= 2 ** 51;
}

/** A line of the record; blank where the part is null. */
export function line(part: "progress" | "result" | "error" | "data", json: string | null): string {
  return json === null ? "" : `"${part}":${json},`;
}

/** What follows the time in a history entry. */
export function remarkText({ by, note, key }: Remark): string {
  if (by === undefined && note === undefined && key === undefined) return "";
  return `,${JSON.stringify({ by, note, key })}`;
}

/** A whole job, from its version on, as lua/save.lua takes it. */
export function wholeArgs(job: WholeJob): readonly (string | number)[] {
  return [
    ...[job.version, job.attempt, job.createdAt, job.updatedAt, job.statusAt],
    ...[line("progress", job.progress), line("result", job.result), line("error", job.error)],
    ...[line("data", job.data), historyText(job.history, job.createdAt)],
    fieldLines(job.fields),
  ];
}

/** What a job can be found by, one field a line. */
export function fieldLines(fields: Fields): string {
  if (fields.size === 0) return "";
  return Array.from(fields, ([field, value]) => fieldText(field, value)).join("\n");
}

/** A field and its value as the index orders them. JSON text holds no raw line break, and no lone surrogate. */
export function fieldText(field: string, value: string): string {
  return `${field}=${JSON.stringify(value)}`;
}

function historyText(history: readonly RecordedChange[], createdAt: number): string {
  const entries = history.map(
    ({ version, from, to, at, by, note, key }) =>
      `\n[${version},${JSON.stringify(from)},${JSON.stringify(to)},${at - createdAt}${remarkText({ by, note, key })}]`,
  );
  return entries.join(",");
}

/** JSON strings, one a line, each between line breaks, as the scripts look statuses up. */
export function statusLines(statuses: readonly string[]): string {
  return `\n${statuses.map((status) => `${JSON.stringify(status)}\n`).join("")}`;
}
