import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { EXIT, Exit } from "./exit.js";
import { readEvents, type ServerEvent } from "./sse.js";

const ATTEMPTS = 4;
const FIRST_WAIT_MS = 500;
/** Time after which a silent connection counts as dead. The service sends a comment every 15 seconds. */
const SILENCE_MS = 45_000;

const problem = z.object({ detail: z.string(), code: z.string().optional() });

export interface Api {
  /** Sends a request, and repeats it while the service is unavailable. @throws Exit */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Returns live updates after an event. Ends when the connection ends. @throws Exit if the service rejects the request */
  events(after: string): AsyncGenerator<ServerEvent>;
}

/** Creates a client of the service at `url`. It only uses HTTP. */
export function createApi(url: string, token: string | undefined, signal: AbortSignal): Api {
  const base = url.replace(/\/+$/, "");
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...authorization, ...Object.fromEntries(new Headers(init.headers)) };
    const reply = await fetch(`${base}/api/v1${path}`, { signal, ...init, headers }).catch(() => null);
    signal.throwIfAborted();
    if (reply === null) throw new Exit(EXIT.unreachable, `${base} cannot be reached.`);
    if (reply.ok) return reply;
    const { detail } = problem.safeParse(await reply.json().catch(() => null)).data ?? {
      detail: `${base} answered ${reply.status}.`,
    };
    throw new Exit(reply.status >= 500 || reply.status === 429 ? EXIT.unreachable : EXIT.refused, detail);
  }

  return {
    async request(path, init) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await send(path, init);
        } catch (error) {
          if (!isUnreachable(error) || attempt === ATTEMPTS) throw error;
        }
        await delay(FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random() / 2), undefined, { signal });
      }
    },
    async *events(after) {
      // The timer and the listener hold the controller. Node 20 loses a combined signal (nodejs/node#57736).
      const connection = new AbortController();
      const stop = () => connection.abort();
      signal.addEventListener("abort", stop);
      const timer = setTimeout(stop, SILENCE_MS);
      try {
        signal.throwIfAborted();
        const reply = await send("/events", {
          headers: after ? { "last-event-id": after } : {},
          signal: connection.signal,
        });
        if (reply.body) yield* readEvents(reply.body, () => timer.refresh());
      } catch (error) {
        signal.throwIfAborted();
        // Ends normally if the connection breaks. The caller connects again.
        if (error instanceof Exit && !isUnreachable(error)) throw error;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
      }
    },
  };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Exit && error.code === EXIT.unreachable;
}
