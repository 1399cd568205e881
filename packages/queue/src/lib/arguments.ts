import { QueueError } from "./errors.js";
import { byteLength, isWellFormed } from "./text.js";

/** What callers hand in, checked before any I/O. Every check throws INVALID_ARGUMENT and says what would be right. */

export function invalid(message: string): never {
  throw new QueueError("INVALID_ARGUMENT", message);
}

/** For messages: never the whole of a hostile value. */
export function show(value: unknown): string {
  // An object can refuse to become a string.
  const text =
    typeof value === "string"
      ? JSON.stringify(value)
      : Array.isArray(value)
        ? "an array"
        : Object(value) === value
          ? typeof value
          : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
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

/** Checks the keys of the options of a call; null and undefined mean none. The caller checks the values. */
export function checkOptions<T extends object>(options: T | null | undefined, known: Known, call: string): Partial<T> {
  if (options === undefined || options === null) return {};
  if (typeof options !== "object") return invalid(`The options of ${call} must be an object.`);
  const fault = unknownKey(options, known, call, "option");
  return fault === null ? options : invalid(fault);
}

/** Checks the keys of an object that is not the options of a call. The caller checks the values. */
export function checkKeys<T extends object>(given: T, known: Known, name: string): T {
  const fault = unknownKey(given, known, name, "key");
  return fault === null ? given : invalid(fault);
}

export function checkWhole(value: unknown, name: string, from: number, to: number): number {
  if (!isWhole(value, from, to)) {
    return invalid(`${name} must be a whole number from ${from} to ${to}, and is ${show(value)}.`);
  }
  return value;
}

function isWhole(value: unknown, from: number, to: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= from && value <= to;
}

/** The wait of a Node timer that is longer than this would end at once. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export function checkDuration(value: unknown, name: string, shortest = 0): number {
  return checkWhole(value, name, shortest, LONGEST_WAIT_MS);
}

export function isDuration(value: unknown, shortest: number): value is number {
  return isWhole(value, shortest, LONGEST_WAIT_MS);
}

/** Begins the id of a received message that has none of its own. The hash of its content follows. */
export const CONTENT_ID_PREFIX = "sha256-";
const MAX_ID_BYTES = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass.
const CONTROL = /[\u0000-\u001f\u007f]/;

export function checkMessageId(id: unknown): string {
  if (typeof id !== "string" || id === "" || byteLength(id) > MAX_ID_BYTES) {
    return invalid(`A message id must be a string of 1 to ${MAX_ID_BYTES} bytes, and is ${show(id)}.`);
  }
  if (CONTROL.test(id) || !isWellFormed(id)) {
    return invalid(`The message id ${show(id)} holds control characters or half a surrogate pair.`);
  }
  return id;
}

/** Our own headers start with this; users neither set nor see them. */
export const RESERVED_HEADER_PREFIX = "x-subtitles-";
const MAX_HEADER_NAME_BYTES = 200;
/** Headers travel in one frame, which cannot be split. */
const MAX_HEADER_BYTES = 32_768;

export function checkHeaders(headers: unknown): Readonly<Record<string, string>> {
  if (headers === undefined) return {};
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    return invalid("headers must be an object of strings.");
  }
  const entries = Object.entries(headers);
  let bytes = 0;
  for (const [name, value] of entries) bytes += checkHeader(name, value);
  if (bytes > MAX_HEADER_BYTES) {
    return invalid(`The headers take ${bytes} bytes; at most ${MAX_HEADER_BYTES} travel with a message.`);
  }
  return Object.fromEntries(entries);
}

function checkHeader(name: string, value: unknown): number {
  const nameBytes = byteLength(name);
  if (nameBytes === 0 || nameBytes > MAX_HEADER_NAME_BYTES || !isWellFormed(name)) {
    return invalid(`The header name ${show(name)} must be 1 to ${MAX_HEADER_NAME_BYTES} bytes of well-formed text.`);
  }
  if (name.toLowerCase().startsWith(RESERVED_HEADER_PREFIX)) {
    return invalid(
      `The header ${show(name)} is reserved: names that begin with ${RESERVED_HEADER_PREFIX} are the queue's own.`,
    );
  }
  if (typeof value !== "string" || !isWellFormed(value)) {
    return invalid(`The header ${show(name)} must be a string of well-formed text.`);
  }
  return nameBytes + byteLength(value);
}
