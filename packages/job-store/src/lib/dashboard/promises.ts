/** Ignores the error of a promise that a function of the application should not have returned. Unhandled, it would end the process. */
export function ignoreRejection(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}
