import { setTimeout as delay } from "node:timers/promises";
import { JobStoreError } from "@subtitles/job-store";
import type { SubtitleProgress } from "@subtitles/job-store/subtitle";
import type { SubtitleStore, WorkingJob } from "./job.js";

/** Often enough for a bar that moves, seldom enough for a store that serves thousands. */
const BETWEEN_WRITES_MS = 250;
/** Also without news: it shows that someone is at work, and whether the job is still ours. */
const REPEATED_AFTER_MS = 3000;

export interface ProgressWriter {
  /** Notes how far the work is. Returns at once; of several in a row the newest is written. */
  report(progress: SubtitleProgress): void;
  /** The newest report, written or not: it goes with the outcome. */
  readonly latest: SubtitleProgress | null;
  /** Waits for a write in flight; nothing is written afterwards. */
  close(): Promise<void>;
}

/**
 * Writes a job's progress in the background. Progress is news, not the outcome: a write that fails is dropped, since the
 * next one says more. One refusal matters, though: the job no longer being ours. Then `onLost` is called, so that the
 * work can stop instead of finishing for nobody. The newest report is repeated now and then, so that this is noticed also
 * in the middle of a long wait.
 */
export function createProgressWriter(
  store: SubtitleStore,
  job: WorkingJob,
  onLost: (error: JobStoreError) => void,
  repeatedAfterMs = REPEATED_AFTER_MS,
): ProgressWriter {
  let latest: SubtitleProgress | null = null;
  let unwritten: SubtitleProgress | null = null;
  let writing: Promise<void> | null = null;
  const closed = new AbortController();

  async function write(): Promise<void> {
    while (unwritten && !closed.signal.aborted) {
      const progress = unwritten;
      unwritten = null;
      try {
        await store.updateProgress(job, progress);
      } catch (error) {
        if (isLost(error) && !closed.signal.aborted) onLost(error);
      }
      await delay(BETWEEN_WRITES_MS, undefined, { signal: closed.signal }).catch(() => {});
    }
    writing = null;
  }

  const repeat = setInterval(() => {
    if (latest) report(latest);
  }, repeatedAfterMs);

  function report(progress: SubtitleProgress): void {
    latest = unwritten = progress;
    writing ??= write();
  }

  return {
    report,
    get latest() {
      return latest;
    },
    async close() {
      clearInterval(repeat);
      closed.abort();
      await writing;
    },
  };
}

/** The job is gone, or another worker holds it. */
export function isLost(error: unknown): error is JobStoreError<"CONFLICT" | "NOT_FOUND"> {
  return JobStoreError.is(error, "CONFLICT") || JobStoreError.is(error, "NOT_FOUND");
}
