/**
 * Makes an async generator that can be left at any time. The `return()` of an ordinary one waits for the `next()` under
 * way, which may take for ever. This one aborts `left` first, and the generator then ends that `next()`.
 *
 * @param begin the generator, which ends soon after `left` has aborted
 */
export function leavable<T>(
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
