/** Lets the process end although the timer is active. A browser's timer is a number, which has no such method. */
export function unref(timer: NodeJS.Timeout): NodeJS.Timeout {
  if (typeof timer === "object") timer.unref();
  return timer;
}

/** Waits until all promises are settled, at most `ms` milliseconds. Returns undefined for each that is not. */
export async function settledWithin<T>(
  promises: readonly Promise<T>[],
  ms: number,
): Promise<readonly (PromiseSettledResult<T> | undefined)[]> {
  const results: (PromiseSettledResult<T> | undefined)[] = promises.map(() => undefined);
  const all = promises.map(async (promise, n) => {
    const [result] = await Promise.allSettled([promise]);
    results[n] = result;
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = unref(setTimeout(resolve, ms));
  });
  await Promise.race([Promise.all(all), late]);
  clearTimeout(timer);
  return [...results];
}
