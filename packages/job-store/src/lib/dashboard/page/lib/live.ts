import { signal } from "@preact/signals";
import type { WatchLine } from "../../protocol.js";
import { anyOf, CallError, watch } from "./api.js";
import { readServerTime } from "./clock.js";
import { hidden } from "./visibility.js";

/** Time without a line after which the connection counts as lost, in milliseconds. The handler sends a line every 15 seconds. */
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;

/** `since`: time of the server since which the page has not been live, or null if it is unknown. */
export type LiveState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly since: number | null };

export const liveState = signal<LiveState>({ kind: "connecting" });

/** Newest line of the watch. */
export const lastLine = signal<WatchLine | null>(null);

/** Watches a store until the returned function is called. A hidden tab disconnects. */
export function watchStore(store: string): () => void {
  const ended = new AbortController();
  let current: AbortController | null = null;
  lastLine.value = null;
  liveState.value = { kind: "connecting" };
  const unsubscribe = hidden.subscribe((isHidden) => {
    current?.abort();
    if (isHidden || ended.signal.aborted) return;
    current = new AbortController();
    void keepWatching(store, anyOf([ended.signal, current.signal]));
  });
  return () => {
    unsubscribe();
    ended.abort();
  };
}

async function keepWatching(store: string, signal: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  // Lines of the time without a connection are missing, so the first line of every connection asks for everything.
  while (!signal.aborted) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    let isFirst = true;
    try {
      for await (const line of watch(store, anyOf([signal, silence.signal]))) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        pauseMs = FIRST_PAUSE_MS;
        liveState.value = { kind: "live" };
        if (line !== null) lastLine.value = isFirst ? { ...line, changed: null } : line;
        isFirst = false;
      }
    } catch (error) {
      if (error instanceof CallError && ["UNAUTHORIZED", "FORBIDDEN"].includes(error.code)) return;
    } finally {
      clearTimeout(timer);
    }
    if (signal.aborted) return;
    if (liveState.value.kind !== "lost") liveState.value = { kind: "lost", since: readServerTime() };
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** Resolves after a time, or at once if the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
