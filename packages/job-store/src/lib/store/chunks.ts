/** Number of jobs that `createMany` and `deleteMany` send at once. It fills the connection and leaves room for other calls. */
const CHUNK = 256;

/** Makes a call for each element, some at a time. The results have the order of the elements. */
export async function inChunks<T, R>(
  all: readonly T[],
  call: (one: T) => Promise<R>,
): Promise<readonly PromiseSettledResult<R>[]> {
  const outcomes: PromiseSettledResult<R>[] = [];
  for (let first = 0; first < all.length; first += CHUNK) {
    outcomes.push(...(await Promise.allSettled(all.slice(first, first + CHUNK).map(call))));
  }
  return outcomes;
}
