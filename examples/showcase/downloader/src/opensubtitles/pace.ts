import { setTimeout as delay } from "node:timers/promises";

/** Runs calls one after the other, with at least `everyMs` between their starts. */
export function pace(everyMs: number): (signal: AbortSignal) => Promise<void> {
  let nextAt = 0;
  return async (signal) => {
    const now = performance.now();
    const at = Math.max(now, nextAt);
    nextAt = at + everyMs;
    if (at > now) await delay(at - now, undefined, { signal });
  };
}
