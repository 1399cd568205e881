import { createHash, timingSafeEqual } from "node:crypto";
import { DashboardError } from "./reply.js";

/** Maximum size of the body of a request, in bytes. */
const MAX_BODY = 1_048_576;

function forbidden(message: string): DashboardError {
  return new DashboardError(403, "FORBIDDEN", message);
}

/** Checks that no page of another origin has sent a request. @param isChange true: the browser must have said so @throws DashboardError */
export function checkOrigin({ headers, url }: Request, isChange: boolean): void {
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  if (site !== null && site !== "same-origin") throw forbidden("A page of another site sent this request.");
  if (origin !== null && site === null) {
    // A proxy can replace the host. A page of another origin cannot set this header without permission.
    const hosts = [headers.get("x-forwarded-host"), headers.get("host"), new URL(url).host];
    if (!hosts.includes(hostOf(origin))) throw forbidden("A page of another origin sent this request.");
  }
  if (isChange && site === null && origin === null) {
    throw forbidden("The request has neither an Origin nor a Sec-Fetch-Site header, so its origin is unknown.");
  }
}

/** Returns the host of an origin. Returns an empty text for "null". */
function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : "";
}

/** Checks the token of a request. @throws DashboardError */
export function checkToken({ headers }: Request, token: string): void {
  const [, given = ""] = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  if (timingSafeEqual(digest(given), digest(token))) return;
  throw new DashboardError(401, "UNAUTHORIZED", "The token is missing or wrong.");
}

/** Returns a digest, so that texts of different lengths can be compared in constant time. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Reads the JSON object in the body of a request. @throws DashboardError */
export async function readBody(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const [type = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") {
    throw new DashboardError(415, "INVALID_ARGUMENT", "The Content-Type must be application/json.");
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY) throw new DashboardError(413, "INVALID_ARGUMENT", "The body of the request is too large.");
    chunks.push(chunk);
  }
  const value = parse(Buffer.concat(chunks).toString("utf8"));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DashboardError(400, "INVALID_ARGUMENT", "The body of the request must be a JSON object.");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
