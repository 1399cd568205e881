import type { Job } from "@subtitles/job-store";
import type { NotNow } from "./failures.js";
import type { JobProgress, SubtitleJob } from "./job.js";

/** What a job is stored with when it is parked: how far it came stays, and until when it waits is said. */
export function parked(wait: NotNow, progress: JobProgress | null) {
  const until = new Date(Date.now() + wait.afterMs).toISOString();
  return {
    progress: { ...(progress ?? { stage: "waiting", done: 0, total: 0 }), waiting: { until, reason: wait.message } },
    note: `waits until ${until.slice(0, 16).replace("T", " ")} UTC: ${wait.message}`,
  };
}

/** The progress of a job that goes on. */
export function goingOn(progress: JobProgress | null): JobProgress | null {
  return progress && { stage: progress.stage, done: progress.done, total: progress.total };
}

/** Until when a job waits, and why; null where it does not. Once that time has passed, a manager sends it on. */
export function waitingOf({ status, progress }: Job<SubtitleJob>): NonNullable<JobProgress["waiting"]> | null {
  return (status === "downloading" || status === "translating") && progress?.waiting ? progress.waiting : null;
}
