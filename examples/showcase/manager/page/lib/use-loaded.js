import { useCallback, useEffect, useRef, useState } from "/vendor/hooks.js";

/**
 * State of a request to the API.
 *
 * @template T
 * @typedef {object} Loaded
 * @property {T | null} data the newest response, which is kept if a later request fails
 * @property {Error | null} error of the newest request
 * @property {boolean} loading
 * @property {() => void} reload
 */

/**
 * Sends a request for each new `key`, on `reload`, and with `everyMs` also regularly while the page is visible.
 *
 * @template T
 * @param {string} key identifies the request
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
    // Waits for a slow response. Another request would abort it each time.
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
