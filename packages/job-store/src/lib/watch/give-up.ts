import { onAbort } from "../abort.js";

/** What a call brings, or null as soon as one of the signals aborts; the call then goes on, and nobody hears of it. */
export function unlessAborted<T>(call: Promise<T>, signals: readonly AbortSignal[]): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const withdraw = signals.map((signal) => onAbort(signal, () => resolve(null)));
    call.then(resolve, reject).finally(() => {
      for (const each of withdraw) each();
    });
  });
}
