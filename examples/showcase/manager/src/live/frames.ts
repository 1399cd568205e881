import { setTimeout as delay } from "node:timers/promises";
import type { SubtitleStore } from "@showcase/contracts";
import { JobStoreError } from "@subtitles/job-store";
import { summaryOf } from "../api/views.js";
import type { JobViews } from "./job-views.js";

/** Time after which a client connects again, in milliseconds. */
const RETRY_MS = 2_000;

export interface FramesOptions {
  readonly store: SubtitleStore;
  readonly views: JobViews;
  /** Cursor from `beginning`. */
  readonly after: string;
  /** The client missed earlier events, and gets a `resync`. */
  readonly fresh: boolean;
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
}

/**
 * Returns the changes of all jobs as server-sent events. A slow client reads them slowly. The store drops events that wait above
 * a limit, and emits `resync`.
 */
export async function* frames(options: FramesOptions): AsyncGenerator<string> {
  const { store, views, after, fresh, heartbeatMs, signal } = options;
  yield `retry: ${RETRY_MS}\n\n`;
  if (fresh) yield frame("resync", after, { reason: "Live updates begin here." });
  const events = store.watch({ after }, { signal })[Symbol.asyncIterator]();
  let next = events.next();
  for (;;) {
    const result = await orHeartbeat(next, heartbeatMs);
    if (result === "heartbeat") {
      yield ": still here\n\n";
      continue;
    }
    if (result.done) return;
    next = events.next();
    const event = result.value;
    if (event.type === "snapshot") continue;
    if (event.type === "resync") {
      yield frame("resync", event.cursor, { reason: event.reason });
    } else if (event.type === "deleted") {
      yield frame("deleted", event.cursor, { id: event.id });
    } else {
      const job = await views.after(event).catch(() => undefined);
      if (job === undefined) yield frame("resync", event.cursor, { reason: "A job that changed could not be read." });
      else if (job === null) yield frame("deleted", event.cursor, { id: event.id });
      else yield frame("job", event.cursor, summaryOf(job));
    }
  }
}

/**
 * Returns the first cursor: that of the client if it is valid, otherwise the current one.
 * @throws JobStoreError UNAVAILABLE
 */
export async function beginning(store: SubtitleStore, lastEventId: string | undefined) {
  if (lastEventId && isCursor(store, lastEventId)) return { after: lastEventId, fresh: false };
  // A watch of one job begins with a snapshot and a cursor. All later events follow this cursor.
  for await (const { cursor } of store.watch("none")) return { after: cursor, fresh: true };
  throw new JobStoreError("CLOSED", "The store is closed.");
}

function isCursor(store: SubtitleStore, text: string): boolean {
  try {
    store.watch({ after: text });
    return true;
  } catch (error) {
    if (JobStoreError.is(error, "INVALID_ARGUMENT")) return false;
    throw error;
  }
}

/** Returns an event as lines of `text/event-stream`. The data is JSON, which has no line breaks. */
function frame(event: string, id: string, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

async function orHeartbeat<T>(promise: Promise<T>, heartbeatMs: number): Promise<T | "heartbeat"> {
  const settled = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(heartbeatMs, "heartbeat" as const, { signal: settled.signal, ref: false }).catch(
        () => "heartbeat" as const,
      ),
    ]);
  } finally {
    settled.abort();
  }
}
