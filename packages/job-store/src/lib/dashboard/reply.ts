import { isIP } from "node:net";
import { isError, JobStoreError } from "../errors.js";
import type { ErrorReply } from "./protocol.js";

/** Error that becomes a reply with an HTTP status. */
export class DashboardError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Creates the error for a body or an argument that the page should not have sent. */
export function badRequest(message: string): DashboardError {
  return new DashboardError(400, "INVALID_ARGUMENT", message);
}

/** Creates the error for a body that a framework has read, and not stored. */
export function bodyWasRead(): DashboardError {
  const message = "Another handler has read the body of the request. Mount the dashboard before it.";
  return new DashboardError(500, "INTERNAL", message);
}

/**
 * Headers of every reply. The page loads its own files only, runs no inline script, and cannot be framed. A reply is not stored, because it
 * contains data of jobs.
 */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** Creates a reply with the headers of every reply. */
export function reply(
  body: string | ReadableStream<Uint8Array> | null,
  headers: Readonly<Record<string, string>>,
  status = 200,
): Response {
  return new Response(body, { status, headers: { ...HEADERS, ...headers } });
}

const JSON_TYPE = "application/json; charset=utf-8";

export function jsonReply(value: unknown, status = 200): Response {
  return reply(JSON.stringify(value), { "content-type": JSON_TYPE }, status);
}

/** Creates the reply for an error. */
export function errorReply(error: unknown): Response {
  const [status, content] = describe(error);
  return jsonReply(content, status);
}

function describe(error: unknown): readonly [status: number, content: ErrorReply] {
  if (error instanceof DashboardError) {
    return [error.status, { error: { code: error.code, message: error.message } }];
  }
  const code = codeOf(error);
  if (code === null) {
    return [500, { error: { code: "INTERNAL", message: "The dashboard failed. See the log of its process." } }];
  }
  const indeterminate = JobStoreError.is(error) && error.indeterminate === true;
  const content = { code, message: messageOf(error), ...(indeterminate && { indeterminate: true as const }) };
  return [STATUSES[code] ?? 500, { error: content }];
}

const STATUSES: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  INVALID_DATA: 400,
  NOT_FOUND: 404,
  CONFLICT: 409,
  ILLEGAL_TRANSITION: 409,
  UNAVAILABLE: 503,
  TIMEOUT: 503,
  CLOSED: 503,
};

/** Returns the code of an error of this package or of the queue package. null: another error, whose message may be private. */
export function codeOf(error: unknown): string | null {
  const isKnown = JobStoreError.is(error) || (isError(error) && error.name === "QueueError");
  return isKnown && "code" in error && typeof error.code === "string" ? error.code : null;
}

/** Returns the message of an error for the page, without addresses of servers. */
export function messageOf(error: unknown): string {
  if (codeOf(error) === null || !isError(error)) return "The dashboard failed. See the log of its process.";
  return withoutAddresses(error.message);
}

/** Removes the addresses of servers, with user and password: the log of the process has them. */
export function withoutAddresses(text: string): string {
  return (
    text
      .replace(/(\w:\/\/)(?=\S*\w)\S+/g, "$1…")
      // Node adds the address to the error of a connection, and ioredis that of the local end.
      .replace(/\b(connect|getaddrinfo) (E[A-Z_]+) \S+?(?=[.,;)]*(?:\s|$))(?: - Local \(\S*\))?/g, "$1 $2")
      .replace(/(certificate's altnames):.*/s, "$1")
      .replace(/[\da-f]*[.:][\da-f.:]*[\da-f]/gi, (part) =>
        isIP(part) || isIP(part.replace(/:\d+$/, "")) ? "…" : part,
      )
      .replace(/\b[a-z][\w-]*(?:\.[\w-]+)*:\d{2,5}\b/gi, "…")
  );
}

/** Removes the user and the password of addresses. The password can contain "@". */
export function withoutCredentials(text: string): string {
  return text.replace(/(\w:\/\/)[^/\s]*@/g, "$1");
}
