import type { Job, JobStore } from "@subtitles/job-store";
import type { subtitleJob } from "@subtitles/job-store/subtitle";

export type SubtitleJob = typeof subtitleJob;
export type SubtitleStore = JobStore<SubtitleJob>;

/** The statuses in which a worker holds the job. */
export type Working = "downloading" | "translating";
export type WorkingJob = Job<SubtitleJob, Working>;
