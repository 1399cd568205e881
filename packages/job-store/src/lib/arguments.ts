import type { JobDefinition } from "./definition.js";
import type { ChangeMetadata, OutgoingMessage } from "./driver.js";
import { JobStoreError } from "./errors.js";
import { toJson } from "./json.js";
import type { OutboxMessage } from "./outbox.js";

/** Checks of arguments, made before any I/O. Each check throws INVALID_ARGUMENT, and its message names the allowed values. */

export function invalid(message: string): never {
  throw new JobStoreError("INVALID_ARGUMENT", message);
}

/** Formats a value for a message, with at most 60 characters of it. */
export function show(value: unknown): string {
  // The conversion of an object to a string can throw.
  const text =
    typeof value === "string" ? JSON.stringify(value) : Object(value) === value ? typeof value : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Job id. */
const ID = /^[A-Za-z0-9._-]{1,128}$/;

export function isId(id: unknown): id is string {
  return typeof id === "string" && ID.test(id);
}

export function checkId(id: unknown): string {
  if (!isId(id)) {
    return invalid(`Invalid job id ${show(id)}. Use 1 to 128 characters of A–Z a–z 0–9 . _ -`);
  }
  return id;
}

export function checkIds(ids: readonly string[]): readonly string[] {
  if (!Array.isArray(ids)) return invalid("`ids` must be an array of job ids.");
  for (const id of ids) checkId(id);
  return ids;
}

/** Table with every key of T. The compiler rejects a table that lacks a key or has another one. */
export type KeysOf<T> = { readonly [K in T extends unknown ? keyof T : never]: true };

type Known = Readonly<Record<string, true>>;

/**
 * Describes the first key of `given` that `known` does not contain. Such a key is usually a misspelt one: if it were ignored,
 * the call would do something else. Inherited keys and symbols are ignored. Allocates nothing if all keys are known.
 *
 * @param name of the function or object, for the message
 * @returns null if all keys are known
 */
export function unknownKey(given: object, known: Known, name: string, noun: "option" | "key"): string | null {
  for (const key in given) {
    if (Object.hasOwn(known, key) || !Object.hasOwn(given, key)) continue;
    const supported = Object.keys(known).sort().join(", ");
    return `${name} does not support the ${noun} ${show(key)}. Supported ${noun}s: ${supported}.`;
  }
  return null;
}

/** Checks the keys of the options of a call. The caller checks the values. */
export function checkOptions<T extends object>(options: T, known: Known, call: string): T {
  if (typeof options !== "object" || options === null) return invalid(`The options of ${call} must be an object.`);
  const fault = unknownKey(options, known, call, "option");
  return fault === null ? options : invalid(fault);
}

/** Checks the keys of an object that is not the options of a call. The caller checks the values. */
export function checkKeys<T extends object>(given: T, known: Known, name: string): T {
  const fault = unknownKey(given, known, name, "key");
  return fault === null ? given : invalid(fault);
}

/** Checks the argument of `createMany`. The properties of each job are checked with the job. */
export function checkNewJobs<T extends object>(jobs: readonly T[]): readonly T[] {
  if (!Array.isArray(jobs)) return invalid("`createMany` requires an array of jobs.");
  const wrong = jobs.findIndex((job) => typeof job !== "object" || job === null);
  if (wrong >= 0) invalid(`Element ${wrong} of \`createMany\` must be an object such as { data: … }.`);
  return jobs;
}

export function checkStatus(definition: JobDefinition, status: unknown): string {
  if (typeof status !== "string" || !Object.hasOwn(definition.statuses, status)) {
    const known = Object.keys(definition.statuses).join(", ");
    return invalid(`Unknown status ${show(status)} for job type "${definition.name}". Defined statuses: ${known}.`);
  }
  return status;
}

/** Checks the statuses from which `request` retries a job: they must be final and lead to the initial status. */
export function checkRetryFrom(definition: JobDefinition, statuses: unknown): readonly string[] {
  if (statuses === undefined) return [];
  if (!Array.isArray(statuses)) return invalid("`retryFrom` must be an array of statuses.");
  return statuses.map((status) => {
    const known = checkStatus(definition, status);
    const rule = definition.statuses[known];
    if (rule?.final === true && rule.next.includes(definition.initial)) return known;
    return invalid(
      `\`retryFrom\` contains ${show(known)}, but it must contain final statuses that lead to ${show(definition.initial)}.`,
    );
  });
}

export function checkInteger(value: unknown, name: string, from: number, to: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < from || value > to) {
    return invalid(`\`${name}\` must be an integer from ${from} to ${to} (got ${show(value)}).`);
  }
  return value;
}

/** Latest time of a date in an argument, as milliseconds since 1970: 15 May 2109. */
export const MAX_TIME = 2 ** 42 - 1;

export function checkDate(value: unknown, name: string): number {
  const at = timeOf(value);
  if (!(at >= 0 && at <= MAX_TIME)) return invalid(`\`${name}\` must be a Date between 1970 and 2109.`);
  return at;
}

/** Returns the time of a Date, or NaN for any other value. The Date can be of another realm, as in the tests of Jest. */
function timeOf(value: unknown): number {
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return Number.NaN;
  }
}

export function checkText(value: unknown, name: string): string | undefined {
  if (value !== undefined && typeof value !== "string") return invalid(`\`${name}\` must be a string.`);
  return value;
}

/** Maximum length of the reason of a pause, in characters. */
const MAX_REASON_LENGTH = 1000;

export function checkReason(value: unknown): string | undefined {
  const reason = checkText(value, "reason");
  if (reason !== undefined && reason.length > MAX_REASON_LENGTH)
    return invalid(`\`reason\` must be at most ${MAX_REASON_LENGTH} characters long (got ${reason.length}).`);
  return reason;
}

/** Maximum length of the `key` of a change, in characters. */
const MAX_KEY_LENGTH = 128;

export function checkMetadata(metadata: ChangeMetadata): ChangeMetadata {
  const key = checkText(metadata.key, "key");
  if (key !== undefined && (key === "" || key.length > MAX_KEY_LENGTH))
    return invalid(`\`key\` must be 1 to ${MAX_KEY_LENGTH} characters long.`);
  return { by: checkText(metadata.by, "by"), note: checkText(metadata.note, "note"), key };
}

/** Checks an option that is either absent or true. */
export function checkTrue(value: unknown, name: string): true | undefined {
  if (value !== undefined && value !== true) return invalid(`\`${name}\` must be true or absent (got ${show(value)}).`);
  return value;
}

/** Maximum duration of a lease and of a delay, in milliseconds: 366 days. */
const MAX_DELAY_MS = 31_622_400_000;

export function checkLease(value: unknown, from: 0 | 1): number {
  return checkInteger(value, "leaseMs", from, MAX_DELAY_MS);
}

const MESSAGE_KEYS: KeysOf<OutboxMessage> = { queue: true, payload: true, id: true, headers: true, delayMs: true };

export function checkOutbox(messages: readonly OutboxMessage[] | undefined, jobId: string): readonly OutgoingMessage[] {
  if (messages === undefined) return [];
  if (!Array.isArray(messages)) return invalid("`outbox` must be an array of messages.");
  return messages.map((message: OutboxMessage, position) => {
    const name = `outbox[${position}]`;
    if (typeof message !== "object" || message === null) return invalid(`\`${name}\` must be an object.`);
    checkKeys(message, MESSAGE_KEYS, name);
    return {
      queue: checkName(message.queue, `${name}.queue`),
      id: message.id === undefined ? null : checkName(message.id, `${name}.id`),
      payload: toJson(message.payload, `${name}.payload`, { jobId }),
      headers: checkHeaders(message.headers, `${name}.headers`),
      delayMs: message.delayMs === undefined ? 0 : checkInteger(message.delayMs, `${name}.delayMs`, 1, MAX_DELAY_MS),
    };
  });
}

/** Maximum length of a name: of a queue, a message id, an author, a host or a version. In characters. */
const MAX_NAME_LENGTH = 255;

export function checkName(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "" || value.length > MAX_NAME_LENGTH) {
    return invalid(`\`${name}\` must be a string of 1 to ${MAX_NAME_LENGTH} characters.`);
  }
  return value;
}

export function checkHeaders(headers: unknown, name: string): Readonly<Record<string, string>> {
  if (headers === undefined) return {};
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    return invalid(`\`${name}\` must be an object whose values are strings.`);
  }
  const wrong = Object.entries(headers).find(([, value]) => typeof value !== "string");
  if (wrong !== undefined) return invalid(`The value of ${show(wrong[0])} in \`${name}\` must be a string.`);
  return headers as Record<string, string>;
}
