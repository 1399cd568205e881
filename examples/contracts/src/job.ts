import { defineJob, type Job, type JobStore } from "@subtitles/job-store";
import { subtitleJob as preset } from "@subtitles/job-store/subtitle";
import { z } from "zod";

/** The preset of `@subtitles/job-store/subtitle`, and two fields that jobs can be listed by. */
export const subtitleJob = defineJob({
  ...preset,
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
