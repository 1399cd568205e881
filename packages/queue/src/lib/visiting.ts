/**
 * Visits items in their order, at most `atOnce` at a time, until there is no `next` or a visit answers false: then no other
 * is begun. Settles once all that were begun have ended.
 */
export async function visitInOrder<T>(
  next: () => Promise<T | null>,
  visit: (item: T) => Promise<boolean>,
  atOnce: number,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const faults: unknown[] = [];
  let goOn = true;
  const begin = async (item: T) => {
    try {
      if (!(await visit(item))) goOn = false;
    } catch (error) {
      goOn = false;
      faults.push(error);
    }
  };
  try {
    while (goOn) {
      if (underWay.size >= atOnce) {
        await Promise.race(underWay);
        continue;
      }
      const item = await next();
      if (item === null) break;
      const visiting: Promise<void> = begin(item).finally(() => underWay.delete(visiting));
      underWay.add(visiting);
    }
  } finally {
    await Promise.all(underWay);
  }
  if (faults.length > 0) throw faults[0];
}
