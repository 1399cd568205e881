/**
 * Creates an async generator whose `return()` takes effect at once. The `return()` of an ordinary generator waits for a pending
 * `next()`, which may never resolve. Here `return()` first aborts `stop`, and the generator then ends its pending `next()`.
 *
 * @param begin creates the generator, which must end soon after `stop` aborts
 */
export function stoppable<T>(
  begin: (stop: AbortSignal) => AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  const stop = new AbortController();
  const items = begin(stop.signal);
  const end = () => {
    stop.abort();
    return items.return();
  };
  return {
    next: () => items.next(),
    return: end,
    throw: (error: unknown) => {
      stop.abort();
      return items.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}
