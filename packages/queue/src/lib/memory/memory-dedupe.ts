import { checkDuration, checkOptions, checkWhole, type KeysOf } from "../arguments.js";
import type { Dedupe } from "../dedupe.js";

const DEDUPE_OPTIONS: KeysOf<NonNullable<Parameters<typeof memoryDedupe>[0]>> = { max: true, ttlMs: true };

/**
 * Remembers handled messages in this process, and forgets them with it: duplicates that reach another process, or this one
 * after a restart, are handled again. For those, offer a store that the processes share.
 *
 * @param options.max messages remembered at most, 1 to 10,000,000; past it the oldest are forgotten. @default 100_000
 * @param options.ttlMs for how long, in milliseconds. @default 3_600_000, an hour
 * @throws QueueError INVALID_ARGUMENT
 */
export function memoryDedupe(options?: {
  readonly max?: number | undefined;
  readonly ttlMs?: number | undefined;
}): Dedupe {
  const given = checkOptions(options, DEDUPE_OPTIONS, "memoryDedupe");
  const max = checkWhole(given.max ?? 100_000, "max", 1, 10_000_000);
  const ttlMs = checkDuration(given.ttlMs ?? 3_600_000, "ttlMs", 1);
  /** Until when, by key; the oldest come first. */
  const remembered = new Map<string, number>();

  const forgetSome = () => {
    const now = performance.now();
    for (const [key, until] of remembered) {
      if (remembered.size <= max && until > now) return;
      remembered.delete(key);
    }
  };

  return {
    async seen(key) {
      return (remembered.get(key) ?? 0) > performance.now();
    },
    async remember(key) {
      // Set anew, it goes to the end of the line.
      remembered.delete(key);
      remembered.set(key, performance.now() + ttlMs);
      forgetSome();
    },
  };
}
