import type { AuditOptions, IndexValues, JobRecord, StoreConfig } from "../driver.js";
import type { AuditReport } from "../types.js";
import { codeOf, type IndexMetadata } from "./index-metadata.js";
import { SPAN, type StatusCode, type StatusTtl } from "./keys.js";
import { readRecord } from "./read-record.js";
import { fieldLines } from "./record-text.js";

/** Difference that an expiry and the clock of the server can have, in milliseconds. */
const SLACK_MS = 1000;

/** Reply of PTTL if the key does not exist. */
export const NO_KEY = -2;

/** Scan that returned an id. An entry without a job is counted by the scan of the first index that has it. */
export type Scan = "jobs" | "statuses" | "creations" | "work" | "values" | "fields";

/** An id, and the scan that returned it. */
export interface Subject {
  readonly scan: Scan;
  readonly id: string;
  /** Member from which the scan "fields" read the id. null: another scan. Either all subjects of one comparison have a member, or none. */
  readonly member: Member | null;
}

/** Member of the index by field; see lua/includes/fields.lua. */
export interface Member {
  readonly text: string;
  /** Field and its value. */
  readonly field: string;
  /** Index that has the score. null: the driver does not write such a member. */
  readonly index: "statuses" | "creations" | null;
  readonly score: number;
}

/** Key and index entries of a job at one moment. */
export interface Stored {
  /** Value of the key. null: the value is not a string. */
  readonly text: string | null;
  /** Reply of PTTL. -1: the key does not expire. */
  readonly ttlMs: number;
  readonly statusScore: number | null;
  readonly creationScore: number | null;
  /** Index fields, one per line. */
  readonly fields: string;
  /** True if the index by field has all members of the job. */
  readonly complete: boolean;
  /** True if the index by field has the member of the subject. */
  readonly hasMember: boolean;
  /** True if there is a work state with the id of the job. */
  readonly hasWork: boolean;
  /** Time of the server, in milliseconds since 1970. */
  readonly now: number;
}

/** Index entries that a record requires. */
export interface ExpectedEntries extends StatusTtl {
  /** Text of the record. */
  readonly text: string;
  readonly createdAt: number;
  readonly statusAt: number;
  /** Index fields, one per line. */
  readonly fields: string;
  /** True if the job has expired: it has no entries. */
  readonly expired: boolean;
}

/** A wrong index entry, and the count of the report to which it belongs. */
export interface Finding {
  readonly subject: Subject;
  readonly kind: keyof Pick<AuditReport, "missingFromIndex" | "staleInIndex">;
  /** null: the job does not exist. */
  readonly expected: ExpectedEntries | null;
}

/** Result of the comparison of one job. */
export interface Comparison {
  /** True if the key of the job exists. */
  readonly exists: boolean;
  readonly unreadable: boolean;
  readonly finding: Finding | null;
}

const UNREADABLE: Comparison = { exists: true, unreadable: true, finding: null };
/** Comparison of a record of another form. Its index entries cannot be compared, and they stay. */
const OTHER_FORM: Comparison = { exists: true, unreadable: false, finding: null };

/** Compares a job with its index entries. If they differ, the record counts. */
export function compare(
  subject: Subject,
  stored: Stored,
  metadata: IndexMetadata,
  { fields: declared }: Pick<StoreConfig, "fields">,
  fieldsOf: AuditOptions["indexValuesOf"],
): Comparison {
  if (stored.ttlMs === NO_KEY) {
    return { exists: false, unreadable: false, finding: staleEntry(subject, stored, metadata) };
  }
  const record = stored.text === null ? null : readRecord(subject.id, stored.text);
  if (record !== null && "kind" in record && record.isNewer === true) return OTHER_FORM;
  if (record === null || "kind" in record || !isIndexable(record)) return UNREADABLE;
  const computed = fieldsOf(record);
  const expected = expectedEntries(record, stored, computed, declared);
  return { exists: true, unreadable: computed === null, finding: findingOf(subject, stored, metadata, expected) };
}

/** Reads a member of the index by field: the field, the score, and the id. */
export function memberSubject(text: string): Subject & { readonly member: Member } {
  const [, field = "", byStatus, byCreation, id = ""] =
    /^(.*")(?::(\d{17})|\*(\d{13}))([A-Za-z0-9._-]{1,128})$/s.exec(text) ?? [];
  const index = byStatus !== undefined ? "statuses" : byCreation !== undefined ? "creations" : null;
  return { scan: "fields", id, member: { text, field, index, score: Number(byStatus ?? byCreation) } };
}

/** Returns true if a job with these fields, and this score in the index of the member, has the member. */
export function follows({ field, score }: Member, fields: string, stored: number | null): boolean {
  return score === stored && (field === fields || linesOf(fields).includes(field));
}

/** Returns a finding for entries without a job. Entries of jobs that have just expired are left to lua/maintenance/trim-expired.lua. */
function staleEntry(subject: Subject, stored: Stored, metadata: IndexMetadata): Finding | null {
  const { statusScore, creationScore, fields } = stored;
  let first: Scan | null = stored.hasMember ? "fields" : null;
  if (fields !== "") first = "values";
  if (stored.hasWork) first = "work";
  if (creationScore !== null) first = "creations";
  if (statusScore !== null) first = "statuses";
  if (first !== subject.scan || (statusScore !== null && isDue(statusScore, stored.now, metadata))) return null;
  return { subject, kind: "staleInIndex", expected: null };
}

function isDue(score: number, now: number, { codes }: IndexMetadata): boolean {
  const ttlMs = codes[Math.floor(score / SPAN)]?.ttlMs ?? 0;
  return ttlMs > 0 && (score % SPAN) + ttlMs < now + SLACK_MS;
}

/** Returns true if the times of the job fit into the indexes. */
function isIndexable({ createdAt, statusAt }: JobRecord): boolean {
  return [createdAt.getTime(), statusAt.getTime()].every((time) => time >= 0 && time < SPAN);
}

/** @param computed fields of the record. null: its data is unreadable, so the stored fields are kept */
function expectedEntries(
  { status, createdAt, statusAt, expiresAt }: JobRecord,
  { text, fields, now }: Stored,
  computed: IndexValues | null,
  declared: readonly string[],
): ExpectedEntries {
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

/** Returns the computed fields, and the stored ones that only other services declare. */
function merge(stored: string, computed: string, declared: readonly string[]): string {
  if (stored === computed) return stored;
  const others = linesOf(stored).filter((line) => !declared.includes(line.slice(0, line.indexOf("="))));
  return [...linesOf(computed), ...others].join("\n");
}

function findingOf(
  subject: Subject,
  stored: Stored,
  metadata: IndexMetadata,
  expected: ExpectedEntries,
): Finding | null {
  const isCorrect =
    !expected.expired && hasExpiry(expected, stored) && hasEntries(expected, stored, codeOf(metadata.codes, expected));
  if (subject.scan === "jobs") return isCorrect ? null : { subject, kind: "missingFromIndex", expected };
  // If other entries of the job are wrong, they were counted already, and its members are not counted again.
  const { member } = subject;
  if (!isCorrect || member === null || !stored.hasMember) return null;
  const score = member.index === "statuses" ? stored.statusScore : stored.creationScore;
  return follows(member, expected.fields, score) ? null : { subject, kind: "staleInIndex", expected };
}

function hasEntries(expected: ExpectedEntries, stored: Stored, code: StatusCode | undefined): boolean {
  return (
    code !== undefined &&
    stored.statusScore === code.code * SPAN + expected.statusAt &&
    stored.creationScore === expected.createdAt &&
    stored.complete &&
    hasSameLines(stored.fields, expected.fields)
  );
}

function hasExpiry({ ttlMs, statusAt }: ExpectedEntries, stored: Stored): boolean {
  if (ttlMs === 0) return stored.ttlMs === -1;
  return stored.ttlMs >= 0 && Math.abs(statusAt + ttlMs - stored.now - stored.ttlMs) <= SLACK_MS;
}

function hasSameLines(a: string, b: string): boolean {
  return a === b || linesOf(a).toSorted().join("\n") === linesOf(b).toSorted().join("\n");
}

function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.split("\n");
}
