import { setTimeout as delay } from "node:timers/promises";

/** Lets calls through one after the other, `everyMs` apart at least. */
export function pace(everyMs: number): (signal: AbortSignal) => Promise<void> {
  let nextAt = 0;
  return async (signal) => {
    const now = performance.now();
    const at = Math.max(now, nextAt);
    nextAt = at + everyMs;
    if (at > now) await delay(at - now, undefined, { signal });
  };
}
