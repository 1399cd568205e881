import { useCallback, useEffect, useRef, useState } from "/vendor/hooks.js";

/**
 * What an address of the API answers.
 *
 * @template T
 * @typedef {object} Loaded
 * @property {T | null} data the newest answer, which stays when a later try fails
 * @property {Error | null} error of the newest try
 * @property {boolean} loading
 * @property {() => void} reload
 */

/**
 * Asks once for each `key`, and again on `reload`; with `everyMs` also from time to time, while someone looks.
 *
 * @template T
 * @param {string} key names what is asked for
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {{ everyMs?: number }} [options]
 * @returns {Loaded<T>}
 */
export function useLoaded(key, ask, { everyMs } = {}) {
  const nothing = {
    key,
    data: /** @type {T | null} */ (null),
    error: /** @type {Error | null} */ (null),
    loading: true,
  };
  const [state, setState] = useState(nothing);
  const [asked, setAsked] = useState(0);
  const reload = useCallback(() => setAsked((count) => count + 1), []);
  const waiting = useRef(false);

  useEffect(() => {
    const left = new AbortController();
    const settle = (/** @type {Partial<typeof nothing>} */ news) => {
      if (left.signal.aborted) return;
      waiting.current = false;
      setState((now) => ({ ...(now.key === key ? now : nothing), ...news, loading: false }));
    };
    waiting.current = true;
    ask(left.signal).then(
      (data) => settle({ data, error: null }),
      (error) => settle({ error }),
    );
    return () => left.abort();
  }, [key, asked]);

  useEffect(() => {
    if (!everyMs) return;
    // A slow answer is waited for: asking anew would give it up each time.
    const look = () => document.visibilityState === "visible" && !waiting.current && reload();
    const timer = setInterval(look, everyMs);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [everyMs]);

  const { data, error, loading } = state.key === key ? state : nothing;
  return { data, error, loading, reload };
}
