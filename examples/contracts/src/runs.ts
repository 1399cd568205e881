import type { Job } from "@subtitles/job-store";
import type { SubtitleJob } from "./job.js";

/**
 * Returns the run of the job to which a message belongs. The present run began when the job last became pending. The outbox
 * gives a message the id `<job id>.<version>.<position>`, with the version at which the message was stored. Returns
 * "unknown" for a message that was published in another way, or if the job's history no longer contains the start of the
 * run.
 */
export function runOf(message: { readonly id: string }, job: Job<SubtitleJob>): "present" | "earlier" | "unknown" {
  const version = storedVersion(message.id, job.id);
  const began = job.history.findLast(({ to }) => to === "pending")?.version ?? (job.attempt === 1 ? 1 : null);
  if (version === null || began === null) return "unknown";
  return version < began ? "earlier" : "present";
}

function storedVersion(messageId: string, jobId: string): number | null {
  if (!messageId.startsWith(`${jobId}.`)) return null;
  const [, version] = /^(\d+)\.\d+$/.exec(messageId.slice(jobId.length + 1)) ?? [];
  return version === undefined ? null : Number(version);
}
