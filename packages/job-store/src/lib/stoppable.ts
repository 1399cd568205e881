/**
 * Creates an async generator whose `return()` takes effect at once. The `return()` of an ordinary one waits for a pending
 * `next()`, which may never resolve. This one first aborts `left`, on which the generator ends its pending `next()`.
 *
 * @param begin creates the generator, which must end soon after `left` aborts
 */
export function stoppable<T>(
  begin: (left: AbortSignal) => AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  const leaving = new AbortController();
  const items = begin(leaving.signal);
  const leave = () => {
    leaving.abort();
    return items.return();
  };
  return {
    next: () => items.next(),
    return: leave,
    throw: (error: unknown) => {
      leaving.abort();
      return items.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await leave();
    },
  };
}
