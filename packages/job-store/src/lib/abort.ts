interface Shared {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const sharedBySignal = new WeakMap<AbortSignal, Shared>();

/**
 * Calls back when the signal aborts, or at once if it has aborted. All callbacks of a signal share one listener, because
 * Node 20 warns of a leak if a signal has more than ten.
 *
 * @returns a function that withdraws the callback
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => {};
  }
  const { callbacks, listener } = sharedBySignal.get(signal) ?? listen(signal);
  const own = () => callback();
  callbacks.add(own);
  return () => {
    if (!callbacks.delete(own) || callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    sharedBySignal.delete(signal);
  };
}

function listen(signal: AbortSignal): Shared {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of [...callbacks]) callback();
  };
  const shared = { callbacks, listener };
  signal.addEventListener("abort", listener, { once: true });
  sharedBySignal.set(signal, shared);
  return shared;
}

/**
 * Makes a call with a signal that aborts when any of these signals aborts. Unlike `AbortSignal.any`, it cannot be garbage
 * collected during the call, and it leaves no listener on a long-lived signal after the call.
 */
export async function withAnyOf<T>(
  signals: readonly AbortSignal[],
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const any = new AbortController();
  const withdraw = signals.map((signal) => onAbort(signal, () => any.abort()));
  try {
    return await call(any.signal);
  } finally {
    for (const each of withdraw) each();
  }
}

/** Returns the result of the call, or null as soon as a signal aborts. The call then continues, and its result is ignored. */
export function unlessAborted<T>(call: Promise<T>, signals: readonly AbortSignal[]): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const withdraw = signals.map((signal) => onAbort(signal, () => resolve(null)));
    call.then(resolve, reject).finally(() => {
      for (const each of withdraw) each();
    });
  });
}

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

/** Returns true if one of the signals has aborted. A function, because the compiler expects no change between two checks of the property. */
export function isAborted(signals: readonly AbortSignal[]): boolean {
  return signals.some(({ aborted }) => aborted);
}
