import type { SubtitleJob } from "@showcase/contracts";
import type { Job } from "@subtitles/job-store";

/** Where a stage begins and ends, of the whole work. Only the finished file makes 100. */
const TRANSLATING_FROM = 20;
const LAST_STEP = 98;

/** How much of a job is done, 0 to 100, by what its worker counted. */
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
