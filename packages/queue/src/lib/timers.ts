/** Time limit for the broker when a consumer closes: it cancels the consumer, stores returned messages, and closes the channel. */
export const END_SUBSCRIPTION_MS = 1_200;

/** Error of `withTimeout`. Drivers distinguish it from an error of the broker. */
export class TimeoutError extends Error {}

/**
 * Resolves or rejects with the promise. Rejects after `limitMs` with the error of `onTimeout`. The promise itself continues, and
 * its later result is ignored.
 *
 * @param limitMs milliseconds; Infinity means no limit
 * @param onTimeout creates the error. @default a TimeoutError
 */
export async function withTimeout<T>(
  promise: Promise<T>,
  limitMs: number,
  onTimeout: () => Error = () => new TimeoutError(`no reply arrived within ${Math.round(limitMs)} ms`),
): Promise<T> {
  if (limitMs === Number.POSITIVE_INFINITY) return promise;
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(onTimeout()), limitMs);
  });
  try {
    return await Promise.race([promise, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. Never rejects. */
export async function pause(ms: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

/** Waits for a promise, at most `limitMs` milliseconds; Infinity means no limit. @throws the error of the promise */
export async function withinTime(promise: Promise<unknown>, limitMs: number): Promise<void> {
  if (limitMs === Number.POSITIVE_INFINITY) return void (await promise);
  const timer = new AbortController();
  try {
    await Promise.race([promise, pause(Math.max(0, limitMs), { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}

/** Waits for a promise until the signal aborts. @throws signal.reason */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Allows the process to exit while the timer is active. In a browser, a timer is a number without this method. */
export function unref(timer: { unref?(): unknown } | number): void {
  if (typeof timer === "object") timer.unref?.();
}
