import { createHash } from "node:crypto";
import { defineJob, type JobStore } from "@subtitles/job-store";
import { subtitleJob as preset, type SubtitleData } from "@subtitles/job-store/subtitle";
import { z } from "zod";
import { downloadQueue, translateQueue } from "./queues.js";

/** Fails a job that nobody works on: its message was lost, or no worker of its stage runs. */
const timeoutSeconds = 24 * 60 * 60;
const { pending, downloading, translating } = preset.statuses;

/**
 * The preset of `@subtitles/job-store/subtitle`, with the messages that request the work of each stage, and with the fields that
 * jobs are listed by. "video" and "upload" only say where a job begins.
 */
export const subtitleJob = defineJob({
  ...preset,
  statuses: {
    ...preset.statuses,
    pending: {
      ...pending,
      timeoutSeconds,
      sends: [
        { queue: downloadQueue.name, ifField: "video" },
        { queue: translateQueue.name, ifField: "upload" },
      ],
    },
    downloading: { ...downloading, timeoutSeconds },
    translating: { ...translating, timeoutSeconds, sends: [{ queue: translateQueue.name }] },
  },
  index: {
    language: ({ language }) => language,
    targetLanguage: ({ targetLanguage }) => targetLanguage,
    video: (data) => (isUpload(data) ? null : "yes"),
    upload: (data) => (isUpload(data) ? "yes" : null),
  },
});

export type SubtitleJob = typeof subtitleJob;
export type SubtitleStore = JobStore<SubtitleJob>;

const UPLOAD = "urn:sha256:";

/** What stands as `videoUrl` where a subtitle was uploaded and there is no video: its content's name. */
export function uploadUrl(content: Uint8Array): string {
  return `${UPLOAD}${createHash("sha256").update(content).digest("hex")}`;
}

export function isUpload({ videoUrl }: Pick<SubtitleData, "videoUrl">): boolean {
  return videoUrl.startsWith(UPLOAD);
}

export const subtitleStatus = z.enum(["pending", "downloading", "translating", "completed", "failed"]);
