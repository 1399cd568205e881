import { setTimeout as delay } from "node:timers/promises";
import { abortable, type Standing } from "@showcase/contracts";
import { RetryLater } from "@subtitles/queue/worker";

export interface Service {
  /** As people call it. */
  readonly title: string;
  readonly standing: Standing;
  /** Times that a call which failed on the way is repeated. @default 3 */
  readonly maxRetries?: number | undefined;
  /** For one call, in milliseconds. @default 120_000 */
  readonly timeoutMs?: number | undefined;
}

export interface JsonReply {
  readonly status: number;
  /** Null where it is no JSON. */
  readonly body: unknown;
}

/** Waited for here; a longer wait is shared with the other workers. In milliseconds. */
const LONGEST_PATIENCE_MS = 20_000;
const FIRST_WAIT_MS = 500;
/** How long to leave a service alone that does not say, in milliseconds. */
const DEFAULT_WAIT_MS = 30_000;

/**
 * Posts JSON to a service that the operator configured. Rate limits are waited for, what failed on the way is repeated;
 * every other reply is answered as it is.
 *
 * @param isFinal Whether a 429 means something that waiting does not mend, such as no credit
 * @throws RetryLater, JobFailed where the service cannot be asked now
 */
export async function postJson(
  { title, standing, maxRetries = 3, timeoutMs = 120_000 }: Service,
  url: string,
  { body, headers, isFinal }: { body: unknown; headers?: Record<string, string>; isFinal?: (body: unknown) => boolean },
  signal: AbortSignal,
): Promise<JsonReply> {
  for (let attempt = 0; ; attempt++) {
    await standing.mayAsk();
    const isLast = attempt >= maxRetries;
    let waitMs = FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random() / 2);
    try {
      using limit = abortable(signal, timeoutMs);
      const reply = await fetch(url, {
        method: "POST",
        redirect: "error", // nobody configured where that leads, and it would carry the key there
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
          throw await standing.throttle(asked ?? DEFAULT_WAIT_MS, "too many requests");
        }
      } else if (status === 408 || status >= 500 || (status === 200 && json === null)) {
        if (isLast) throw await standing.throttle(DEFAULT_WAIT_MS, "it is out of order");
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

/** `fetch` throws a TypeError where the connection fails, and the time-out's own error where that was first. */
function isFromTheWay(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Error && error.name === "TimeoutError");
}

/** Milliseconds, from `Retry-After`: seconds or a date. Null: it does not say. */
function waitAskedFor(headers: Headers): number | null {
  const asked = headers.get("retry-after");
  if (asked === null || asked.trim() === "") return null;
  const seconds = Number(asked);
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(asked) - Date.now();
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs);
}
