import { useEffect, useState } from "/vendor/hooks.js";
import { getJob } from "./api.js";
import { isOlder } from "./job-list.js";
import { onLive } from "./live.js";
import { useLoaded } from "./use-loaded.js";

/**
 * @typedef {import("./api.js").JobSummary} JobSummary
 * @typedef {import("./use-loaded.js").Loaded<import("./api.js").JobDetail>} LoadedJob
 */

/**
 * Returns a job, always current. `update` sets a state that is known without a request.
 *
 * @param {string} id
 * @returns {LoadedJob & { update: (job: JobSummary) => void }}
 */
export function useJob(id) {
  const loaded = useLoaded(`job ${id}`, (signal) => getJob(id, signal));
  const { data, reload } = loaded;
  // An event can arrive before the response to an earlier request.
  const [live, setLive] = useState(/** @type {JobSummary | null} */ (null));
  const current = live?.id === id ? live : null;

  useEffect(
    () =>
      onLive((event) => {
        if (event.type === "resync" || (event.type === "deleted" && event.id === id)) reload();
        if (event.type === "job" && event.job.id === id) setLive(event.job);
      }),
    [id],
  );

  // After a change of status, the history and details must be read. They are not in the event.
  const newer = data !== null && current !== null && current.version > data.version ? current.version : null;
  useEffect(() => {
    if (newer !== null) reload();
  }, [newer]);

  const present = data !== null && current !== null && !isOlder(current, data) ? { ...data, ...current } : data;
  return { ...loaded, data: present, update: setLive };
}
