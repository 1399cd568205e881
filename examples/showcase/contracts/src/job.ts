import { createHash } from "node:crypto";
import { defineJob, type JobStore } from "@subtitles/job-store";
import { subtitleJob as preset, type SubtitleData } from "@subtitles/job-store/subtitle";
import { z } from "zod";
import { definition, download, FAILED, translate, WAITING } from "../../../contracts/job.js";
import { downloadQueue, translateQueue } from "./queues.js";

/**
 * Job of the templates, with the data and the result of the preset in `@subtitles/job-store/subtitle`. A subtitle can also be
 * uploaded. Such a job begins with its translation. The index fields "video" and "upload" select the first queue.
 */
export const subtitleJob = defineJob({
  ...definition,
  data: preset.data,
  result: preset.result,
  progress: preset.progress,
  statuses: {
    ...definition.statuses,
    [WAITING]: {
      ...definition.statuses[WAITING],
      next: [download.working, translate.working, FAILED],
      sends: [
        { queue: downloadQueue.name, ifField: "video" },
        { queue: translateQueue.name, ifField: "upload" },
      ],
    },
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

/** Returns the `videoUrl` of an uploaded subtitle, which has no video. It is made from the content. */
export function uploadUrl(content: Uint8Array): string {
  return `${UPLOAD}${createHash("sha256").update(content).digest("hex")}`;
}

export function isUpload({ videoUrl }: Pick<SubtitleData, "videoUrl">): boolean {
  return videoUrl.startsWith(UPLOAD);
}

export const subtitleStatus = z.enum(["pending", "downloading", "translating", "completed", "failed"]);
