import { useEffect } from "/vendor/hooks.js";
import { countJobs } from "./api.js";
import { onLive } from "./live.js";
import { useLoaded } from "./use-loaded.js";

/** Minimum time between two reads of the counts. */
const AT_MOST_EVERY_MS = 1_000;

/** Returns the number of jobs by status, always current. */
export function useCounts() {
  const counts = useLoaded("counts", () => countJobs());
  const { reload } = counts;

  useEffect(() => {
    /** @type {ReturnType<typeof setTimeout> | null} */
    let due = null;
    /** @type {Map<string, number>} */
    const versions = new Map();

    const stop = onLive((event) => {
      // Ignores progress, which changes no count and is the most frequent event.
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
