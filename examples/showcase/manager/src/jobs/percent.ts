import type { SubtitleJob } from "@showcase/contracts";
import type { Job } from "@subtitles/job-store";

/** Beginning and end of each stage in percent of the work. 100 is only reached when the file is finished. */
const TRANSLATING_FROM = 20;
const LAST_STEP = 98;

/** Returns the progress of a job, 0 to 100, from the counts of its worker. */
export function percentOf({ status, data, progress }: Job<SubtitleJob>): number {
  const share = progress && progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
  const between = (from: number, to: number) => Math.floor(from + (to - from) * share);
  switch (status) {
    case "pending":
      return 0;
    case "downloading":
      return between(0, data.targetLanguage === null ? LAST_STEP : TRANSLATING_FROM);
    case "translating":
      return between(TRANSLATING_FROM, LAST_STEP);
    case "completed":
      return 100;
    case "failed":
      return 0;
  }
}
