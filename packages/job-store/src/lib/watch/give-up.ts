/** What a call brings, or null as soon as one of the signals aborts; the call then goes on, and nobody hears of it. */
export function unlessAborted<T>(call: Promise<T>, signals: readonly AbortSignal[]): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve(null);
    for (const signal of signals) {
      if (signal.aborted) giveUp();
      signal.addEventListener("abort", giveUp, { once: true });
    }
    call.then(resolve, reject).finally(() => {
      for (const signal of signals) signal.removeEventListener("abort", giveUp);
    });
  });
}
