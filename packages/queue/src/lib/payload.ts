import { $ZodError, type $ZodIssue, type input, type output, safeParse } from "zod/v4/core";
import { type QueueDefinition, versionOf } from "./definition.js";
import type { Envelope } from "./driver.js";
import { isError, QueueError } from "./errors.js";
import { byteLength, hasMoreBytes } from "./text.js";

/** Maximum size of a payload: RabbitMQ 4 accepts it by default. RabbitMQ closes the channel over a larger message. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Maximum depth of a payload, in levels. Real payloads stay below it, and JSON parsers accept it. */
const MAX_DEPTH = 500;

/**
 * Parses a payload with the queue's schema and returns the result with its JSON text.
 *
 * @throws QueueError INVALID_PAYLOAD
 */
export function encodePayload<Q extends QueueDefinition>(
  queue: Q,
  payload: input<Q["payload"]>,
  messageId?: string,
): { readonly payload: output<Q["payload"]>; readonly body: string } {
  const parsed = parse(queue, payload);
  if ("problem" in parsed) return reject(queue, parsed.problem, messageId);
  const problem = findNonJson(parsed.payload);
  if (problem !== null) return reject(queue, `it contains ${problem}, which cannot be stored as JSON`, messageId);
  const body = JSON.stringify(parsed.payload);
  if (hasMoreBytes(body, MAX_BODY_BYTES)) {
    return reject(
      queue,
      `its JSON text has ${byteLength(body)} bytes, the limit is ${MAX_BODY_BYTES} (16 MiB)`,
      messageId,
    );
  }
  return { payload: parsed.payload, body };
}

/**
 * Parses the body of a received message after converting it to the queue's version. Returns a problem as a full sentence instead
 * of throwing: it becomes the reason of a dead letter.
 */
export function decodePayload<Q extends QueueDefinition>(
  queue: Q,
  { body, unreadable, version }: Pick<Envelope, "body" | "unreadable" | "version">,
): { readonly payload: output<Q["payload"]> } | { readonly problem: string } {
  if (unreadable !== undefined) return { problem: unreadable };
  let value: unknown;
  try {
    value = parseBody(body);
  } catch {
    return { problem: "The body is not JSON." };
  }
  const upcasted = upcastPayload(queue, value, version);
  if ("problem" in upcasted) return { problem: `Cannot read the payload. ${upcasted.problem}` };
  const parsed = parse(queue, upcasted.payload);
  return "problem" in parsed ? { problem: `Invalid payload: ${parsed.problem}.` } : parsed;
}

/** Parses a body. Some clients write a byte order mark first, which is not part of JSON. @throws SyntaxError */
export function parseBody(body: string): unknown {
  return JSON.parse(body.startsWith("\uFEFF") ? body.slice(1) : body);
}

/** Converts a payload of version `from` to the version of the queue definition. Does not parse the result. */
export function upcastPayload(
  queue: QueueDefinition,
  payload: unknown,
  from: number,
): { readonly payload: unknown } | { readonly problem: string } {
  const current = versionOf(queue);
  if (from > current) {
    return {
      problem: `Version ${from} of the payload is newer than version ${current} of the queue definition. Deploy the newer definition.`,
    };
  }
  let converted = payload;
  for (let version = from; version < current; version++) {
    const upcast = queue.upcast?.[version];
    if (upcast === undefined) {
      return {
        problem: `The payload has version ${from}, and the queue definition has no upcast from version ${version}.`,
      };
    }
    try {
      converted = upcast(converted);
    } catch (error) {
      return { problem: `The upcast from version ${version} failed: ${describeUpcastError(error)}.` };
    }
  }
  return { payload: converted };
}

/** Describes an error without its message, which may quote the payload. The issues of zod do not quote it. */
function describeUpcastError(error: unknown): string {
  return error instanceof $ZodError ? describeIssues(error.issues) : `it threw ${nameOf(error)}`;
}

function reject(queue: QueueDefinition, problem: string, messageId: string | undefined): never {
  throw new QueueError("INVALID_PAYLOAD", `Invalid payload for queue "${queue.name}": ${problem}.`, {
    queue: queue.name,
    messageId,
  });
}

function parse<Q extends QueueDefinition>(
  queue: Q,
  value: unknown,
): { readonly payload: output<Q["payload"]> } | { readonly problem: string } {
  try {
    const result = safeParse<Q["payload"]>(queue.payload, value);
    if (result.success) return { payload: result.data };
    return { problem: describeIssues(result.error.issues) };
  } catch (error) {
    // A deeply nested or cyclic value overflows the stack of a recursive schema. An asynchronous schema also throws.
    return { problem: error instanceof RangeError ? "it is nested too deeply" : `its schema threw ${nameOf(error)}` };
  }
}

/** Returns the name of an error without its message, which may quote the payload. */
function nameOf(error: unknown): string {
  return isError(error) ? error.name : typeof error;
}

const MAX_ISSUES = 3;
const MAX_PATH_LENGTH = 80;
const MAX_ISSUE_LENGTH = 120;

/** Describes the issues of zod as `path: message`. Untrusted payloads can cause many long issues, so the text is limited. */
function describeIssues(issues: readonly $ZodIssue[]): string {
  const shown = issues.slice(0, MAX_ISSUES).map((issue) => {
    const path = issue.path.map(String).join(".").slice(0, MAX_PATH_LENGTH);
    const message = issue.message.slice(0, MAX_ISSUE_LENGTH);
    return path === "" ? message : `${path}: ${message}`;
  });
  const more = issues.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/**
 * Finds a part of a value that JSON would change, and describes it with its path. `JSON.stringify` replaces NaN by null, a Date
 * by a string and a Map by {}.
 *
 * @returns null if JSON represents the value exactly
 */
function findNonJson(value: unknown): string | null {
  return findIn(value, "", 0, new Set());
}

function findIn(value: unknown, path: string, depth: number, ancestors: Set<object>): string | null {
  switch (typeof value) {
    case "string":
    case "boolean":
      return null;
    case "number":
      return Number.isFinite(value) ? null : `${value}${at(path)}`;
    case "object":
      break;
    default:
      return `a value of type ${typeof value}${at(path)}`;
  }
  if (value === null) return null;
  if (ancestors.has(value)) return `a value${at(path)} that contains itself`;
  if (depth >= MAX_DEPTH) return `more than ${MAX_DEPTH} levels of nesting`;

  ancestors.add(value);
  const found = Array.isArray(value)
    ? findInArray(value, path, depth, ancestors)
    : findInObject(value, path, depth, ancestors);
  ancestors.delete(value);
  return found;
}

function findInArray(items: readonly unknown[], path: string, depth: number, ancestors: Set<object>): string | null {
  for (let index = 0; index < items.length; index++) {
    const found = findIn(items[index], `${path}[${index}]`, depth + 1, ancestors);
    if (found !== null) return found;
  }
  return null;
}

function findInObject(value: object, path: string, depth: number, ancestors: Set<object>): string | null {
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!plain || "toJSON" in value) return `a ${value.constructor?.name || "value"}${at(path)}`;
  for (const [key, child] of Object.entries(value)) {
    // JSON does not distinguish an undefined property from an absent one.
    if (child === undefined) continue;
    const found = findIn(child, `${path}.${key}`, depth + 1, ancestors);
    if (found !== null) return found;
  }
  return null;
}

/** Describes a path in at most 81 characters: the path in an untrusted value can be as long as the value. */
function at(path: string): string {
  if (path === "") return "";
  return path.length > 80 ? ` at ${path.slice(0, 80)}…` : ` at ${path}`;
}
