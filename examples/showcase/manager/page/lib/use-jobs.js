import { useCallback, useEffect, useState } from "/vendor/hooks.js";
import { listJobs } from "./api.js";
import { queryOf } from "./filter.js";
import { withJob, withoutJob, withPage } from "./job-list.js";
import { onLive } from "./live.js";

/**
 * @typedef {import("./api.js").JobPage} JobList
 * @typedef {import("./filter.js").Filter} Filter
 *
 * @typedef {object} Jobs
 * @property {JobList | null} list null: not loaded
 * @property {Error | null} error of the newest request
 * @property {boolean} loading
 * @property {() => void} reload
 * @property {() => void} loadMore
 */

const PAGE = 50;
const MOST_AT_ONCE = 200;

/** List that was shown last. "Back" shows it at once, at the same position. */
let last = { key: "", list: /** @type {JobList | null} */ (null) };

/**
 * Returns the jobs that match a filter, always current.
 *
 * @param {Filter} filter
 * @returns {Jobs}
 */
export function useJobs(filter) {
  const key = queryOf(filter).toString();
  const [state, setState] = useState(() => ({ ...beginning(key), loading: true }));
  const shown = state.key === key ? state : { ...beginning(key), loading: true };

  /** @type {(change: (list: JobList | null) => JobList | null, rest?: { error?: Error | null, loading?: boolean }) => void} */
  const change = useCallback(
    (next, rest = {}) =>
      setState((now) => {
        const base = now.key === key ? now : { ...beginning(key), loading: true };
        const list = next(base.list);
        last = { key, list };
        return { ...base, ...rest, list };
      }),
    [key],
  );

  const load = useCallback(
    async (/** @type {AbortSignal} */ signal) => {
      // Changes during a request. They can be newer than the response.
      /** @type {((list: JobList) => JobList)[]} */
      const meanwhile = [];
      const stop = onLive((event) => meanwhile.push((list) => applied(list, event, filter)));
      change((list) => list, { loading: true });
      try {
        const limit = Math.min(Math.max(last.key === key ? (last.list?.items.length ?? 0) : 0, PAGE), MOST_AT_ONCE);
        const page = await listJobs(asked(filter, { limit }), signal);
        change(() => meanwhile.reduce((list, apply) => apply(list), page), { loading: false, error: null });
      } catch (error) {
        if (!signal.aborted) change((list) => list, { loading: false, error: asError(error) });
      } finally {
        stop();
      }
    },
    [key],
  );

  const [reloads, setReloads] = useState(0);
  const reload = useCallback(() => setReloads((count) => count + 1), []);

  useEffect(() => {
    const left = new AbortController();
    void load(left.signal);
    return () => left.abort();
  }, [load, reloads]);

  useEffect(
    () =>
      onLive((event) => {
        if (event.type === "resync") reload();
        else change((list) => list && applied(list, event, filter));
      }),
    [key],
  );

  const { list } = shown;
  const loadMore = useCallback(async () => {
    if (!list?.cursor) return;
    change((now) => now, { loading: true });
    try {
      const page = await listJobs(asked(filter, { limit: PAGE, cursor: list.cursor }));
      change((now) => now && withPage(now, page), { loading: false, error: null });
    } catch (error) {
      change((now) => now, { loading: false, error: asError(error) });
    }
  }, [key, list?.cursor]);

  return { list, error: shown.error, loading: shown.loading, reload, loadMore };
}

/** @param {string} key */
function beginning(key) {
  return { key, list: last.key === key ? last.list : null, error: /** @type {Error | null} */ (null) };
}

/**
 * @param {JobList} list
 * @param {import("./live.js").LiveEvent} event
 * @param {Filter} filter
 */
function applied(list, event, filter) {
  if (event.type === "job") return withJob(list, event.job, filter);
  return event.type === "deleted" ? withoutJob(list, event.id) : list;
}

/**
 * @param {Filter} filter
 * @param {{ limit: number, cursor?: string }} page
 */
function asked(filter, { limit, cursor }) {
  const query = queryOf(filter);
  query.set("limit", String(limit));
  if (cursor) query.set("cursor", cursor);
  return query;
}

/** @param {unknown} error */
function asError(error) {
  return error instanceof Error ? error : new Error(String(error));
}
