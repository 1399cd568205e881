/**
 * Visits items in order, at most `concurrency` at a time, until `next` returns null or a visit returns false or fails. No visit
 * is started after that. Resolves when all started visits have ended; rejects with the error of the first visit that failed.
 */
export async function visitInOrder<T>(
  next: () => Promise<T | null>,
  visit: (item: T) => Promise<boolean>,
  concurrency: number,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const errors: unknown[] = [];
  let stopped = false;
  const run = async (item: T) => {
    try {
      if (!(await visit(item))) stopped = true;
    } catch (error) {
      stopped = true;
      errors.push(error);
    }
  };
  try {
    while (!stopped) {
      if (running.size >= concurrency) {
        await Promise.race(running);
        continue;
      }
      const item = await next();
      if (item === null) break;
      const visiting: Promise<void> = run(item).finally(() => running.delete(visiting));
      running.add(visiting);
    }
  } finally {
    await Promise.all(running);
  }
  if (errors.length > 0) throw errors[0];
}
