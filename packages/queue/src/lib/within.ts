/** Thrown by `within`; a driver's answers tell it from a refusal. */
export class Overdue extends Error {}

/**
 * Settles with the promise, or rejects with `Overdue`, or what `overdue` makes. The promise itself goes on; its later failure
 * is nobody's.
 */
export async function within<T>(
  promise: Promise<T>,
  limitMs: number,
  overdue: () => Error = () => new Overdue(`no answer came within ${Math.round(limitMs)} ms`),
): Promise<T> {
  if (limitMs === Number.POSITIVE_INFINITY) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(overdue()), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
