import { useEffect } from "/vendor/hooks.js";
import { countJobs } from "./api.js";
import { onLive } from "./live.js";
import { useLoaded } from "./use-loaded.js";

/** However much happens, the counts are read once in this time. */
const AT_MOST_EVERY_MS = 1_000;

/** How many jobs there are of each status, kept up to date. */
export function useCounts() {
  const counts = useLoaded("counts", () => countJobs());
  const { reload } = counts;

  useEffect(() => {
    /** @type {ReturnType<typeof setTimeout> | null} */
    let due = null;
    /** @type {Map<string, number>} */
    const versions = new Map();

    const stop = onLive((event) => {
      // Progress changes no count, and is most of what happens.
      if (event.type === "job") {
        if (versions.get(event.job.id) === event.job.version) return;
        versions.set(event.job.id, event.job.version);
      }
      due ??= setTimeout(() => {
        due = null;
        reload();
      }, AT_MOST_EVERY_MS);
    });
    return () => {
      stop();
      if (due !== null) clearTimeout(due);
    };
  }, []);
  return counts;
}
