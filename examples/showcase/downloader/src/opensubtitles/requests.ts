import { setTimeout as delay } from "node:timers/promises";
import { abortable, type ProviderAccess } from "@showcase/contracts";
import { JobFailed, RetryLater } from "@subtitles/queue/worker";
import type { OpenSubtitlesOptions } from "./options.js";
import { pace } from "./pace.js";

export interface ApiRequest {
  readonly method: "GET" | "POST";
  /** Path below the address of the API, with the query. */
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
  /** Another host that the service has named. */
  readonly host?: string | undefined;
}

export interface ApiReply {
  readonly status: number;
  /** Parsed JSON. Null if the body is not JSON, for example from a gateway. */
  readonly body: unknown;
}

interface RawReply extends ApiReply {
  readonly headers: Headers;
}

export interface Requests {
  /**
   * Sends a request, and repeats it after a connection failure. Returns replies with a meaning for the caller: 200, 400, 401,
   * 406. @throws RetryLater, JobFailed
   */
  send(request: ApiRequest, signal: AbortSignal): Promise<ApiReply>;
}

const FIRST_WAIT_MS = 250;
/** Maximum wait in this call. A longer wait that the service requires is shared with the other workers. */
const LONGEST_PATIENCE_MS = 3000;
const MOST_REDIRECTS = 3;
/** Times without calls, in milliseconds: after too many requests without a `Retry-After`, after an outage, after a rejected key. */
const AFTER = { tooMany: 60_000, outage: 60_000, refusedKey: 15 * 60_000 };

export function createRequests(
  { baseUrl, apiKey, userAgent, maxRetries = 2, betweenRequestsMs = 220, timeoutMs = 20_000 }: OpenSubtitlesOptions,
  access: ProviderAccess,
): Requests {
  const turn = pace(betweenRequestsMs);

  async function once({ method, path, body, token, host }: ApiRequest, signal: AbortSignal): Promise<RawReply> {
    let url = new URL(`${baseUrl.replace(/\/+$/, "")}${path}`);
    if (host !== undefined) url.host = host;
    for (let redirects = 0; ; redirects++) {
      await turn(signal);
      using limit = abortable(signal, timeoutMs);
      const reply = await fetch(url, {
        method,
        redirect: "manual", // Automatic redirects would send the key to any host.
        headers: {
          "api-key": apiKey,
          "user-agent": userAgent,
          accept: "application/json",
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: limit.signal,
      });
      const location = reply.headers.get("location");
      if (reply.status < 300 || reply.status >= 400 || location === null) {
        return { status: reply.status, headers: reply.headers, body: await reply.json().catch(() => null) };
      }
      await reply.body?.cancel();
      const next = new URL(location, url);
      if (next.origin !== url.origin || redirects >= MOST_REDIRECTS)
        throw new TypeError("a redirect to another server");
      url = next;
    }
  }

  /** Returns null if the request can be repeated. */
  async function judge(
    { status, headers, body }: RawReply,
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<ApiReply | null> {
    if (status === 429) {
      const waitMs = waitAskedFor(headers) ?? AFTER.tooMany;
      if (isLast || waitMs > LONGEST_PATIENCE_MS) throw await access.throttle(waitMs, "too many requests");
      await delay(waitMs, undefined, { signal });
      return null;
    }
    if (status >= 500 || body === null) {
      if (isLast) throw await access.throttle(AFTER.outage, "it is out of order");
      return null;
    }
    if (status === 403) throw await access.refuse(AFTER.refusedKey, "it rejects the API key");
    if (status === 200 || status === 400 || status === 401 || status === 406) return { status, body };
    throw refused(status);
  }

  return {
    async send(request, signal) {
      for (let attempt = 0; ; attempt++) {
        await access.mayAsk();
        const isLast = attempt >= maxRetries;
        const reply = await once(request, signal).catch((error: unknown) => {
          signal.throwIfAborted();
          if (isLast) throw unreachable(error);
          return null;
        });
        const judged = reply && (await judge(reply, isLast, signal));
        if (judged) return judged;
        await delay(FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random() / 2), undefined, { signal });
      }
    },
  };
}

/**
 * Returns the wait in milliseconds, from `Retry-After` (seconds or a date) or from the service's own header (seconds). Null:
 * there is none.
 */
function waitAskedFor(headers: Headers): number | null {
  const asked = headers.get("retry-after") ?? headers.get("ratelimit-reset");
  if (asked === null || asked.trim() === "") return null;
  const seconds = Number(asked);
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(asked) - Date.now();
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs);
}

/** Creates the failure for a reply that does not change with a repetition. */
export function refused(status: number): JobFailed {
  return new JobFailed(`OpenSubtitles refused the request with ${status}.`, { code: "PROVIDER_REFUSED" });
}

function unreachable(error: unknown): RetryLater {
  return new RetryLater(`OpenSubtitles cannot be reached (${nameOf(error)}).`, { afterMs: AFTER.outage });
}

function nameOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error) return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
  return "unknown";
}
