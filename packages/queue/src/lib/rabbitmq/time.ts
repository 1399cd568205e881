/** Thrown by `within`; a driver's answers tell it from a refusal. */
export class Overdue extends Error {}

/** Settles with the promise, or rejects with `Overdue`. The promise itself goes on; its later failure is nobody's. */
export async function within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  if (limitMs === Number.POSITIVE_INFINITY) return promise;
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Overdue(`no answer came within ${Math.round(limitMs)} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

const FIRST_PAUSE_MS = 100;
/** Short enough to be back within two seconds of the broker. */
const LONGEST_PAUSE_MS = 1_500;

/** Full jitter: services that lost the same broker do not all come back in the same moment. */
export function jitteredPauseMs(failures: number): number {
  return Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
}
