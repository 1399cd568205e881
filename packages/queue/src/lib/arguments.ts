import { QueueError } from "./errors.js";
import { byteLength, hasMoreBytes, isWellFormed } from "./text.js";

/** Throws INVALID_ARGUMENT. The message must name the argument, its value and the expected value. */
export function invalid(message: string): never {
  throw new QueueError("INVALID_ARGUMENT", message);
}

/** Describes a value in an error message, in at most 61 characters. */
export function show(value: unknown): string {
  // The conversion of an object to a string can throw.
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

type SupportedKeys = Readonly<Record<string, true>>;

/**
 * Describes the first key of `given` that is not supported. Such a key is usually misspelt: if it were ignored, the call would
 * use a default without notice. Inherited keys and symbols are ignored. Allocates nothing if all keys are supported.
 *
 * @param name name of the function or object in the message
 * @returns null if all keys are supported
 */
export function unknownKey(
  given: object,
  supported: SupportedKeys,
  name: string,
  noun: "option" | "key",
): string | null {
  for (const key in given) {
    if (Object.hasOwn(supported, key) || !Object.hasOwn(given, key)) continue;
    const list = Object.keys(supported).sort().join(", ");
    return `${name} does not support the ${noun} ${show(key)}. Supported ${noun}s: ${list}.`;
  }
  return null;
}

/** Checks a function that receives errors or events. Errors that it throws are ignored, so a value that is no function would lose all of them. */
export function checkListener(listener: unknown, name: string): void {
  if (listener !== undefined && typeof listener !== "function") {
    invalid(`\`${name}\` must be a function (got ${show(listener)}).`);
  }
}

/** Checks the keys of the options of a call; null and undefined count as no options. The caller checks the values. */
export function checkOptions<T extends object>(
  options: T | null | undefined,
  supported: SupportedKeys,
  call: string,
): Partial<T> {
  if (options === undefined || options === null) return {};
  if (typeof options !== "object") return invalid(`The options of ${call} must be an object (got ${show(options)}).`);
  const problem = unknownKey(options, supported, call, "option");
  return problem === null ? options : invalid(problem);
}

/** Checks the keys of an object that is not the options of a call. The caller checks the values. */
export function checkKeys<T extends object>(given: T, supported: SupportedKeys, name: string): T {
  const problem = unknownKey(given, supported, name, "key");
  return problem === null ? given : invalid(problem);
}

/**
 * Checks an integer.
 *
 * @param name name of the argument in the message, in backticks
 */
export function checkInteger(value: unknown, name: string, min: number, max: number): number {
  if (!isInteger(value, min, max)) {
    return invalid(`${name} must be an integer from ${min} to ${max} (got ${show(value)}).`);
  }
  return value;
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

/** Maximum duration of a Node timer. A timer with a longer duration ends immediately. */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/** Maximum prefetch in AMQP. */
export const MAX_PREFETCH = 65_535;

/** Longest delay of a message or of a job in milliseconds: 366 days. */
export const MAX_DELAY_MS = 31_622_400_000;

export function checkDuration(value: unknown, name: string, min = 0): number {
  return checkInteger(value, name, min, MAX_DURATION_MS);
}

export function isDuration(value: unknown, min: number): value is number {
  return isInteger(value, min, MAX_DURATION_MS);
}

/** Prefix of the id of a received message that has no id of its own. The hash of its content follows. */
export const CONTENT_ID_PREFIX = "sha256-";
/** Maximum size of a message id. */
const MAX_ID_BYTES = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression finds control characters.
const CONTROL = /[\u0000-\u001f\u007f]/;

export function checkMessageId(id: unknown): string {
  if (typeof id !== "string" || id === "" || hasMoreBytes(id, MAX_ID_BYTES)) {
    return invalid(`A message id must be a string of 1 to ${MAX_ID_BYTES} bytes (got ${show(id)}).`);
  }
  if (CONTROL.test(id) || !isWellFormed(id)) {
    return invalid(`The message id ${show(id)} contains control characters or invalid Unicode. Remove them.`);
  }
  return id;
}

/** Maximum size of the origin of a message. */
const MAX_ORIGIN_BYTES = 1_024;

export function checkOrigin(origin: unknown): string {
  if (typeof origin !== "string" || origin === "" || hasMoreBytes(origin, MAX_ORIGIN_BYTES)) {
    return invalid(`\`origin\` must be a string of 1 to ${MAX_ORIGIN_BYTES} bytes (got ${show(origin)}).`);
  }
  if (CONTROL.test(origin) || !isWellFormed(origin)) {
    return invalid(`\`origin\` ${show(origin)} contains control characters or invalid Unicode. Remove them.`);
  }
  return origin;
}

/** Prefix of the headers of this library. Users can neither set nor read them. */
export const RESERVED_HEADER_PREFIX = "x-subtitles-";
/** Maximum size of the name of a header. */
const MAX_HEADER_NAME_BYTES = 200;
/** Maximum size of all headers of a message. AMQP sends them in one frame, which cannot be split. */
const MAX_HEADER_BYTES = 32_768;

export function checkHeaders(headers: unknown): Readonly<Record<string, string>> {
  if (headers === undefined) return {};
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    return invalid(`\`headers\` must be an object whose values are strings (got ${show(headers)}).`);
  }
  const entries = Object.entries(headers);
  let bytes = 0;
  for (const [name, value] of entries) bytes += checkHeader(name, value);
  if (bytes > MAX_HEADER_BYTES) {
    return invalid(`The headers are too large: ${bytes} bytes, the limit is ${MAX_HEADER_BYTES}.`);
  }
  return Object.fromEntries(entries);
}

function checkHeader(name: string, value: unknown): number {
  const nameBytes = byteLength(name);
  if (nameBytes === 0 || nameBytes > MAX_HEADER_NAME_BYTES || !isWellFormed(name)) {
    return invalid(`The header name ${show(name)} must have 1 to ${MAX_HEADER_NAME_BYTES} bytes of valid Unicode.`);
  }
  if (name.toLowerCase().startsWith(RESERVED_HEADER_PREFIX)) {
    return invalid(
      `The header name ${show(name)} is reserved. Use a name that does not begin with ${RESERVED_HEADER_PREFIX}.`,
    );
  }
  if (typeof value !== "string" || !isWellFormed(value)) {
    return invalid(`The value of header ${show(name)} must be a string of valid Unicode (got ${show(value)}).`);
  }
  return nameBytes + byteLength(value);
}
