/** Returns a function that shares a running call: calls at the same time have the same result. */
export function shareCall<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => {
    running ??= call().finally(() => {
      running = null;
    });
    return running;
  };
}

/** Ignores the error of a promise that a function of the application should not have returned. Unhandled, it would end the process. */
export function ignoreRejection(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}
