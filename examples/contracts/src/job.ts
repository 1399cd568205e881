import { defineJob, type Job, type JobStore } from "@subtitles/job-store";
import { subtitleJob as preset } from "@subtitles/job-store/subtitle";
import { z } from "zod";

/** How far a stage has come, and until when it waits where it cannot go on. */
const progress = z.object({
  stage: z.string().min(1),
  done: z.number().min(0),
  total: z.number().min(0),
  /** The job is parked: no message asks for it, and the manager sends one once it is time. */
  waiting: z.object({ until: z.iso.datetime(), reason: z.string() }).optional(),
});
export type JobProgress = z.output<typeof progress>;

/** The preset of `@subtitles/job-store/subtitle`, with jobs that may wait, and two fields that they can be listed by. */
export const subtitleJob = defineJob({
  ...preset,
  progress,
  index: {
    language: ({ language }) => language,
    targetLanguage: ({ targetLanguage }) => targetLanguage,
  },
});

export type SubtitleJob = typeof subtitleJob;
export type SubtitleStore = JobStore<SubtitleJob>;

/** A job's id, from wherever it comes: it becomes part of addresses and file names. */
export const jobId = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, "Not a job id");

export const subtitleStatus = z.enum(["pending", "downloading", "translating", "completed", "failed"]);

/** The statuses in which a worker has the job in hand. */
export type Working = "downloading" | "translating";
export type WorkingJob = Job<SubtitleJob, Working>;
