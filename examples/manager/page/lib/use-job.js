import { useEffect } from "/vendor/hooks.js";
import { getJob } from "./api.js";
import { isOlder } from "./job-list.js";
import { onLive } from "./live.js";
import { useLoaded } from "./use-loaded.js";

/**
 * A job, kept up to date.
 *
 * @param {string} id
 * @returns {import("./use-loaded.js").Loaded<import("./api.js").JobDetail>}
 */
export function useJob(id) {
  const job = useLoaded(`job ${id}`, (signal) => getJob(id, signal));
  const { reload, change } = job;

  useEffect(
    () =>
      onLive((event) => {
        if (event.type === "resync" || (event.type === "deleted" && event.id === id)) reload();
        if (event.type !== "job" || event.job.id !== id) return;
        const { job: news } = event;
        change((known) => {
          if (isOlder(news, known)) return known;
          // A change of status has a history and details, which are not in the news.
          if (news.version !== known.version) reload();
          return { ...known, ...news };
        });
      }),
    [id],
  );
  return job;
}
