import { checkDuration, checkInteger, checkOptions, type KeysOf } from "../arguments.js";
import type { Dedupe } from "../types.js";

const DEDUPE_OPTIONS: KeysOf<NonNullable<Parameters<typeof memoryDedupe>[0]>> = { max: true, ttlMs: true };

/**
 * Creates a dedupe store in the memory of this process. A duplicate that another process receives, or this process after a restart,
 * is handled again. To recognize these, use a store that the processes share.
 *
 * @param options.max maximum number of stored keys, 1 to 10,000,000. When it is exceeded, the oldest keys are removed.
 *   @default 100_000
 * @param options.ttlMs time for which a key is stored, in milliseconds, 1 to 2,147,483,647. @default 3_600_000 (one hour)
 * @throws QueueError INVALID_ARGUMENT
 */
export function memoryDedupe(options?: {
  readonly max?: number | undefined;
  readonly ttlMs?: number | undefined;
}): Dedupe {
  const given = checkOptions(options, DEDUPE_OPTIONS, "memoryDedupe");
  const max = checkInteger(given.max ?? 100_000, "`max`", 1, 10_000_000);
  const ttlMs = checkDuration(given.ttlMs ?? 3_600_000, "`ttlMs`", 1);
  /** Expiry of each key, the earliest first. */
  const expiries = new Map<string, number>();

  const removeExpired = () => {
    const now = performance.now();
    for (const [key, expiry] of expiries) {
      if (expiries.size <= max && expiry > now) return;
      expiries.delete(key);
    }
  };

  return {
    async seen(key) {
      return (expiries.get(key) ?? 0) > performance.now();
    },
    async remember(key) {
      // Deleting the key first moves it to the end of the order.
      expiries.delete(key);
      expiries.set(key, performance.now() + ttlMs);
      removeExpired();
    },
  };
}
