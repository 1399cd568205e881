import { isUpload, type SubtitleJob, subtitleStatus } from "@showcase/contracts";
import type { Job } from "@subtitles/job-store";
import { z } from "zod";
import { percentOf } from "../jobs/percent.js";

const time = z.iso.datetime();
/** Job in lists and live updates. */
export const jobSummary = z
  .object({
    id: z.string(),
    status: subtitleStatus,
    version: z.int().describe("Increases by one with every change of status"),
    attempt: z.int().describe("1, and increases by one with every retry"),
    origin: z
      .enum(["video", "upload"])
      .describe("video: a subtitle is searched. upload: an uploaded subtitle is translated"),
    videoUrl: z.string(),
    videoTitle: z.string(),
    language: z.string(),
    targetLanguage: z.string().nullable(),
    preferredSources: z.array(z.string()),
    percent: z.int().min(0).max(100).describe("Progress of the whole work; 100: the file exists"),
    progress: z.object({ stage: z.string(), done: z.number(), total: z.number() }).nullable(),
    waiting: z
      .object({ until: time, reason: z.string() })
      .nullable()
      .describe("Time at which the job continues, for example after a quota is renewed"),
    error: z.object({ code: z.string().nullable(), message: z.string(), retryable: z.boolean() }).nullable(),
    fileUrl: z.string().nullable().describe("Address of the subtitle of a completed job"),
    actions: z.array(z.enum(["cancel", "retry", "delete"])).describe("Actions that are possible now"),
    createdAt: time,
    updatedAt: time,
    statusAt: time.describe("Time at which it entered its status"),
    expiresAt: time.nullable().describe("Time at which it expires; null: never in this status"),
  })
  .meta({ id: "JobSummary" });
export type JobSummary = z.output<typeof jobSummary>;

export const jobDetail = jobSummary
  .extend({
    details: z
      .record(z.string(), z.unknown())
      .describe("Details from the workers: the chosen candidate and the reason, encoding, coverage, warnings"),
    history: z
      .array(
        z.object({
          from: subtitleStatus.nullable(),
          to: subtitleStatus,
          at: time,
          version: z.int(),
          by: z.string().nullable().describe("Author of the change, such as downloader@host/123"),
          note: z.string().nullable(),
        }),
      )
      .describe("Every change of status, oldest first; the newest 32"),
  })
  .meta({ id: "Job" });
export type JobDetail = z.output<typeof jobDetail>;

export function summaryOf(job: Job<SubtitleJob>): JobSummary {
  const { id, status, version, attempt, data, progress, error } = job;
  return {
    id,
    status,
    version,
    attempt,
    origin: isUpload(data) ? "upload" : "video",
    videoUrl: data.videoUrl,
    videoTitle: data.videoTitle,
    language: data.language,
    targetLanguage: data.targetLanguage,
    preferredSources: [...data.preferredSources],
    percent: percentOf(job),
    progress,
    waiting: waitingOf(job),
    error: error && { code: error.code ?? null, message: error.message, retryable: error.retryable ?? true },
    fileUrl: status === "completed" ? `/api/v1/jobs/${id}/file` : null,
    actions: status === "failed" ? ["retry", "delete"] : status === "completed" ? ["delete"] : ["cancel"],
    createdAt: job.createdAt.toISOString(),
    updatedAt: job.updatedAt.toISOString(),
    statusAt: job.statusAt.toISOString(),
    expiresAt: job.expiresAt?.toISOString() ?? null,
  };
}

/**
 * Returns the end of a job's wait, and its reason. The history entry that begins the wait has a note, and the claim that ends it
 * has none.
 */
function waitingOf({ leasedUntil, history }: Job<SubtitleJob>): JobSummary["waiting"] {
  const reason = history.at(-1)?.note;
  return leasedUntil && reason ? { until: leasedUntil.toISOString(), reason } : null;
}

export function detailOf(job: Job<SubtitleJob>): JobDetail {
  return {
    ...summaryOf(job),
    details: { ...job.result?.details },
    history: job.history.map(({ from, to, at, version, by, note }) => ({
      from,
      to,
      at: at.toISOString(),
      version,
      by: by ?? null,
      note: note ?? null,
    })),
  };
}
