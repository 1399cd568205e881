import type { JobSummary } from "../../src/api/views.js";

export const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

/** Returns a job as in lists, created and changed at this second. */
export function job(id: string, second: number, more: Partial<JobSummary> = {}): JobSummary {
  return {
    id,
    status: "pending",
    version: 1,
    attempt: 1,
    origin: "video",
    videoUrl: "https://films.example/1.mkv",
    videoTitle: id,
    language: "en",
    targetLanguage: null,
    preferredSources: [],
    percent: 0,
    progress: null,
    waiting: null,
    error: null,
    fileUrl: null,
    actions: [],
    createdAt: at(second),
    updatedAt: at(second),
    statusAt: at(second),
    expiresAt: null,
    ...more,
  };
}
