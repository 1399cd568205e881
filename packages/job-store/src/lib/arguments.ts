import type { JobDefinition } from "./definition.js";
import type { OutgoingMessage, Remark } from "./driver.js";
import { JobStoreError } from "./errors.js";
import { toJson } from "./json.js";
import type { OutboxMessage } from "./outbox.js";

/** What callers hand in, checked before any I/O. Every check throws INVALID_ARGUMENT and says what would be right. */

export function invalid(message: string): never {
  throw new JobStoreError("INVALID_ARGUMENT", message);
}

/** For messages: never the whole of a hostile value. */
export function show(value: unknown): string {
  // An object can refuse to become a string.
  const text =
    typeof value === "string" ? JSON.stringify(value) : Object(value) === value ? typeof value : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const ID = /^[A-Za-z0-9._-]{1,128}$/;

export function isId(id: unknown): id is string {
  return typeof id === "string" && ID.test(id);
}

export function checkId(id: unknown): string {
  if (!isId(id)) {
    return invalid(`${show(id)} is no job id: an id is 1 to 128 of A–Z a–z 0–9 . _ -`);
  }
  return id;
}

export function checkIds(ids: readonly string[]): readonly string[] {
  if (!Array.isArray(ids)) return invalid("ids must be an array of job ids.");
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

/** What is in them is checked job by job. */
export function checkNewJobs<T extends object>(jobs: readonly T[]): readonly T[] {
  if (!Array.isArray(jobs)) return invalid("createMany takes an array of jobs.");
  const stranger = jobs.findIndex((job) => typeof job !== "object" || job === null);
  if (stranger >= 0) invalid(`Job ${stranger} of createMany must be an object with its data.`);
  return jobs;
}

export function checkStatus(definition: JobDefinition, status: unknown): string {
  if (typeof status !== "string" || !Object.hasOwn(definition.statuses, status)) {
    const known = Object.keys(definition.statuses).join(", ");
    return invalid(`${show(status)} is no status of "${definition.name}", whose statuses are ${known}.`);
  }
  return status;
}

export function checkInteger(value: unknown, name: string, from: number, to: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < from || value > to) {
    return invalid(`${name} must be a whole number from ${from} to ${to}, and is ${show(value)}.`);
  }
  return value;
}

/** The last moment an index can order by: 15 May 2109. */
export const MAX_TIME = 2 ** 42 - 1;

export function checkDate(value: unknown, name: string): number {
  const at = timeOf(value);
  if (!(at >= 0 && at <= MAX_TIME)) return invalid(`${name} must be a Date between 1970 and 2109.`);
  return at;
}

/** The time of a Date of any realm (the tests of Jest, for example, have a Date of their own); NaN for anything else. */
function timeOf(value: unknown): number {
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return Number.NaN;
  }
}

function checkText(value: unknown, name: string): string | undefined {
  if (value !== undefined && typeof value !== "string") return invalid(`${name} must be a string.`);
  return value;
}

export function checkMetadata(remark: Remark): Remark {
  const key = checkText(remark.key, "key");
  if (key !== undefined && (key === "" || key.length > 128)) return invalid("key must be 1 to 128 characters long.");
  return { by: checkText(remark.by, "by"), note: checkText(remark.note, "note"), key };
}

const MESSAGE_KEYS: KeysOf<OutboxMessage> = { queue: true, payload: true, id: true, headers: true };

export function checkOutbox(messages: readonly OutboxMessage[] | undefined, jobId: string): readonly OutgoingMessage[] {
  if (messages === undefined) return [];
  if (!Array.isArray(messages)) return invalid("outbox must be an array of messages.");
  return messages.map((message: OutboxMessage, position) => {
    const name = `outbox message ${position}`;
    if (typeof message !== "object" || message === null) return invalid(`${name} must be an object.`);
    checkKeys(message, MESSAGE_KEYS, name);
    return {
      queue: checkName(message.queue, `the queue of ${name}`),
      id: message.id === undefined ? null : checkName(message.id, `the id of ${name}`),
      payload: toJson(message.payload, `the payload of ${name}`, { jobId }),
      headers: checkHeaders(message.headers, name),
    };
  });
}

function checkName(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "" || value.length > 255) {
    return invalid(`${name} must be a string of 1 to 255 characters.`);
  }
  return value;
}

function checkHeaders(headers: unknown, name: string): Readonly<Record<string, string>> {
  if (headers === undefined) return {};
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    return invalid(`the headers of ${name} must be an object of strings.`);
  }
  const stranger = Object.entries(headers).find(([, value]) => typeof value !== "string");
  if (stranger !== undefined) return invalid(`the header ${show(stranger[0])} of ${name} must be a string.`);
  return headers as Record<string, string>;
}
