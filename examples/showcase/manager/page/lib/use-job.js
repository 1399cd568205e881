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
 * A job, kept up to date. `hear` takes what is known of it without asking.
 *
 * @param {string} id
 * @returns {LoadedJob & { hear: (job: JobSummary) => void }}
 */
export function useJob(id) {
  const loaded = useLoaded(`job ${id}`, (signal) => getJob(id, signal));
  const { data, reload } = loaded;
  // What was heard last may overtake an answer that is under way.
  const [heard, setHeard] = useState(/** @type {JobSummary | null} */ (null));
  const news = heard?.id === id ? heard : null;

  useEffect(
    () =>
      onLive((event) => {
        if (event.type === "resync" || (event.type === "deleted" && event.id === id)) reload();
        if (event.type === "job" && event.job.id === id) setHeard(event.job);
      }),
    [id],
  );

  // A change of status has a history and details, which are not in the news.
  const newer = data !== null && news !== null && news.version > data.version ? news.version : null;
  useEffect(() => {
    if (newer !== null) reload();
  }, [newer]);

  const present = data !== null && news !== null && !isOlder(news, data) ? { ...data, ...news } : data;
  return { ...loaded, data: present, hear: setHeard };
}
