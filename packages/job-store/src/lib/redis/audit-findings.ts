import type { AuditOptions, Fields, JobRecord, StoreShape } from "../driver.js";
import type { AuditReport } from "../store.js";
import type { IndexMetadata } from "./index-metadata.js";
import { SPAN, type StatusCode, type StatusTtl } from "./keys.js";
import { readRecord } from "./read-record.js";
import { fieldLines } from "./record-text.js";

/** Difference that an expiry and the clock of the server can have, in milliseconds. */
const SLACK_MS = 1000;

/** Reply of PTTL if there is no key. */
export const NO_KEY = -2;

/** Walk that met an id. An entry without a job is counted by the walk over the first index that has it. */
export type Walk = "jobs" | "statuses" | "creations" | "values" | "fields";

/** An id, and the walk that met it. */
export interface Subject {
  readonly walk: Walk;
  readonly id: string;
  /** The walk "fields" met the id in this member. All subjects of one comparison have one, or none has. */
  readonly member: Member | null;
}

/** A member of the index by field; see lua/includes/fields.lua. */
export interface Member {
  readonly text: string;
  /** Field and value. */
  readonly field: string;
  /** The index that has the score; null: the text is not a member that the driver writes. */
  readonly index: "statuses" | "creations" | null;
  readonly score: number;
}

/** A key and index entries at one moment. */
export interface Stored {
  /** null: no string. */
  readonly text: string | null;
  /** Reply of PTTL; -1: the key does not expire. */
  readonly ttlMs: number;
  readonly statusScore: number | null;
  readonly creationScore: number | null;
  /** One a line. */
  readonly fields: string;
  /** The index by field has all members of the job. */
  readonly complete: boolean;
  /** The index by field has the member of the subject. */
  readonly hasMember: boolean;
  /** Time of the server. */
  readonly now: number;
}

/** The index entries that a record asks for. */
export interface Place extends StatusTtl {
  /** The record. */
  readonly text: string;
  readonly createdAt: number;
  readonly statusAt: number;
  /** One a line. */
  readonly fields: string;
  /** The job has expired, so it has no entries. */
  readonly expired: boolean;
}

/** Something that is wrong, and what it is counted as. */
export interface Finding {
  readonly subject: Subject;
  readonly kind: keyof Pick<AuditReport, "missingFromIndex" | "staleInIndex">;
  /** null: there is no job. */
  readonly place: Place | null;
}

export interface Comparison {
  /** There is something at the key of the job. */
  readonly exists: boolean;
  readonly unreadable: boolean;
  readonly finding: Finding | null;
}

const UNREADABLE: Comparison = { exists: true, unreadable: true, finding: null };

/** Compares a job with its index entries. The record is right. */
export function compare(
  subject: Subject,
  stored: Stored,
  metadata: IndexMetadata,
  { fields: declared }: Pick<StoreShape, "fields">,
  fieldsOf: AuditOptions["fieldsOf"],
): Comparison {
  if (stored.ttlMs === NO_KEY) {
    return { exists: false, unreadable: false, finding: staleEntry(subject, stored, metadata) };
  }
  const record = stored.text === null ? null : readRecord(subject.id, stored.text);
  if (record === null || "kind" in record || !isIndexable(record)) return UNREADABLE;
  const computed = fieldsOf(record);
  const place = placeOf(record, stored, computed, declared);
  return { exists: true, unreadable: computed === null, finding: findingOf(subject, stored, metadata, place) };
}

/** Returns the code of a status with this TTL. */
export function codeOf({ codes }: IndexMetadata, { status, ttlMs }: StatusTtl): StatusCode | undefined {
  return codes.find((code) => code.status === status && code.ttlMs === ttlMs);
}

/** Reads a member of the index by field: the field, the score, and the id. */
export function memberSubject(text: string): Subject & { readonly member: Member } {
  const [, field = "", byStatus, byCreation, id = ""] =
    /^(.*")(?::(\d{17})|\*(\d{13}))([A-Za-z0-9._-]{1,128})$/s.exec(text) ?? [];
  const index = byStatus !== undefined ? "statuses" : byCreation !== undefined ? "creations" : null;
  return { walk: "fields", id, member: { text, field, index, score: Number(byStatus ?? byCreation) } };
}

/** Returns true if a job with these fields, and this score in the index of the member, has the member. */
export function follows({ field, score }: Member, fields: string, stored: number | null): boolean {
  return score === stored && (field === fields || linesOf(fields).includes(field));
}

/** Entries of jobs that have just expired are removed by lua/maintenance/trim-expired.lua. */
function staleEntry(subject: Subject, stored: Stored, metadata: IndexMetadata): Finding | null {
  const { statusScore, creationScore, fields } = stored;
  let first: Walk | null = stored.hasMember ? "fields" : null;
  if (fields !== "") first = "values";
  if (creationScore !== null) first = "creations";
  if (statusScore !== null) first = "statuses";
  if (first !== subject.walk || (statusScore !== null && isDue(statusScore, stored.now, metadata))) return null;
  return { subject, kind: "staleInIndex", place: null };
}

function isDue(score: number, now: number, { codes }: IndexMetadata): boolean {
  const ttlMs = codes[Math.floor(score / SPAN)]?.ttlMs ?? 0;
  return ttlMs > 0 && (score % SPAN) + ttlMs < now + SLACK_MS;
}

/** Returns true if the times of the job fit into the indexes. */
function isIndexable({ createdAt, statusAt }: JobRecord): boolean {
  return [createdAt.getTime(), statusAt.getTime()].every((time) => time >= 0 && time < SPAN);
}

/** @param computed fields of the record; null: its data is unreadable, so the stored ones stay */
function placeOf(
  { status, createdAt, statusAt, expiresAt }: JobRecord,
  { text, fields, now }: Stored,
  computed: Fields | null,
  declared: readonly string[],
): Place {
  const ttlMs = expiresAt === null ? 0 : expiresAt.getTime() - statusAt.getTime();
  return {
    text: text ?? "",
    status,
    ttlMs,
    createdAt: createdAt.getTime(),
    statusAt: statusAt.getTime(),
    fields: computed === null ? fields : merge(fields, fieldLines(computed), declared),
    expired: expiresAt !== null && expiresAt.getTime() + SLACK_MS < now,
  };
}

/** Fields that only other services declare stay as they are. */
function merge(stored: string, computed: string, declared: readonly string[]): string {
  if (stored === computed) return stored;
  const others = linesOf(stored).filter((line) => !declared.includes(line.slice(0, line.indexOf("="))));
  return [...linesOf(computed), ...others].join("\n");
}

function findingOf(subject: Subject, stored: Stored, metadata: IndexMetadata, place: Place): Finding | null {
  const isRight = !place.expired && isTimed(place, stored) && isPlaced(place, stored, codeOf(metadata, place));
  if (subject.walk === "jobs") return isRight ? null : { subject, kind: "missingFromIndex", place };
  // A job in a wrong place was counted as that, and its wrong members are not stale besides.
  const { member } = subject;
  if (!isRight || member === null || !stored.hasMember) return null;
  const score = member.index === "statuses" ? stored.statusScore : stored.creationScore;
  return follows(member, place.fields, score) ? null : { subject, kind: "staleInIndex", place };
}

function isPlaced(place: Place, stored: Stored, code: StatusCode | undefined): boolean {
  return (
    code !== undefined &&
    stored.statusScore === code.code * SPAN + place.statusAt &&
    stored.creationScore === place.createdAt &&
    stored.complete &&
    hasSameLines(stored.fields, place.fields)
  );
}

function isTimed({ ttlMs, statusAt }: Place, stored: Stored): boolean {
  if (ttlMs === 0) return stored.ttlMs === -1;
  return stored.ttlMs >= 0 && Math.abs(statusAt + ttlMs - stored.now - stored.ttlMs) <= SLACK_MS;
}

function hasSameLines(a: string, b: string): boolean {
  return a === b || linesOf(a).toSorted().join("\n") === linesOf(b).toSorted().join("\n");
}

function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.split("\n");
}
