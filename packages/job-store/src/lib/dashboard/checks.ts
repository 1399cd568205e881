import { createHash, timingSafeEqual } from "node:crypto";
import { ignoreRejection } from "./promises.js";
import { bodyWasRead, DashboardError } from "./reply.js";

/** Maximum size of the body of a request, in bytes. */
const MAX_BODY = 1_048_576;

/** Maximum time until the body of a request has arrived, in milliseconds. */
const BODY_MS = 30_000;

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
    // Each of several proxies can have added a host.
    const forwarded = (headers.get("x-forwarded-host") ?? "").split(",").map((host) => host.trim());
    const hosts = [...forwarded, headers.get("host"), new URL(url).host];
    const host = hostOf(origin);
    if (host === "" || !hosts.includes(host)) throw forbidden("A page of another origin sent this request.");
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
  const value = parse(await textOf(request));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DashboardError(400, "INVALID_ARGUMENT", "The body of the request must be a JSON object.");
}

/** Reads the body of a request as UTF-8. @throws DashboardError if it is too large, too late, or no UTF-8 */
async function textOf({ body, bodyUsed }: Request): Promise<string> {
  if (body === null) return "";
  if (bodyUsed || body.locked) throw bodyWasRead();
  const reader = body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    ignoreRejection(reader.cancel());
  }, BODY_MS);
  let text = "";
  let bytes = 0;
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (isLate) throw new DashboardError(408, "INVALID_ARGUMENT", "The body of the request did not arrive in time.");
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > MAX_BODY) throw new DashboardError(413, "INVALID_ARGUMENT", "The body of the request is too large.");
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    if (error instanceof DashboardError) throw error;
    throw new DashboardError(400, "INVALID_ARGUMENT", "The body of the request is incomplete, or no UTF-8.");
  } finally {
    clearTimeout(timer);
    ignoreRejection(reader.cancel());
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
