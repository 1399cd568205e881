import { setTimeout as delay } from "node:timers/promises";
import { abortable, type ProviderAccess } from "@showcase/contracts";
import { RetryLater } from "@subtitles/queue/worker";

export interface Service {
  /** Human-readable name. */
  readonly title: string;
  readonly access: ProviderAccess;
  /** Number of repetitions of a call after a connection failure. @default 3 */
  readonly maxRetries?: number | undefined;
  /** Time limit of a call in milliseconds. @default 120_000 */
  readonly timeoutMs?: number | undefined;
}

export interface JsonReply {
  readonly status: number;
  /** Parsed JSON. Null if the body is not JSON. */
  readonly body: unknown;
}

/** Maximum wait in this call, in milliseconds. A longer wait is shared with the other workers. */
const LONGEST_PATIENCE_MS = 20_000;
const FIRST_WAIT_MS = 500;
/** Times without calls for replies without a `Retry-After`, in milliseconds. */
const DEFAULT_WAIT_MS = 30_000;

/**
 * Sends JSON to a service that the operator configured. It waits for rate limits, and repeats requests after connection failures.
 * It returns every other reply unchanged.
 *
 * @param isFinal returns true for a 429 that waiting does not solve, for example if there is no credit
 * @throws RetryLater, JobFailed if the service cannot be called now
 */
export async function postJson(
  { title, access, maxRetries = 3, timeoutMs = 120_000 }: Service,
  url: string,
  { body, headers, isFinal }: { body: unknown; headers?: Record<string, string>; isFinal?: (body: unknown) => boolean },
  signal: AbortSignal,
): Promise<JsonReply> {
  for (let attempt = 0; ; attempt++) {
    await access.mayAsk();
    const isLast = attempt >= maxRetries;
    let waitMs = FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random() / 2);
    try {
      using limit = abortable(signal, timeoutMs);
      const reply = await fetch(url, {
        method: "POST",
        redirect: "error", // A redirect would send the key to an address that the operator did not configure.
        headers: { "content-type": "application/json", accept: "application/json", ...headers },
        body: JSON.stringify(body),
        signal: limit.signal,
      });
      const json: unknown = await reply.json().catch(() => null);
      const { status } = reply;
      if (status === 429 && !isFinal?.(json)) {
        const asked = waitAskedFor(reply.headers);
        waitMs = asked ?? waitMs;
        if (isLast || waitMs > LONGEST_PATIENCE_MS) {
          throw await access.throttle(asked ?? DEFAULT_WAIT_MS, "too many requests");
        }
      } else if (status === 408 || status >= 500 || (status === 200 && json === null)) {
        if (isLast) throw await access.throttle(DEFAULT_WAIT_MS, "it is out of order");
      } else {
        return { status, body: json };
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isFromTheWay(error)) throw error;
      if (isLast) throw new RetryLater(`${title} cannot be reached.`, { afterMs: DEFAULT_WAIT_MS });
    }
    await delay(waitMs, undefined, { signal });
  }
}

/** `fetch` throws a TypeError if the connection fails, and the error of the timeout if that was first. */
function isFromTheWay(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Error && error.name === "TimeoutError");
}

/** Returns the wait in milliseconds, from `Retry-After` (seconds or a date). Null: there is none. */
function waitAskedFor(headers: Headers): number | null {
  const asked = headers.get("retry-after");
  if (asked === null || asked.trim() === "") return null;
  const seconds = Number(asked);
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(asked) - Date.now();
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs);
}
