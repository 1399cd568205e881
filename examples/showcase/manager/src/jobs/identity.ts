import { createHash } from "node:crypto";
import type { SubtitleData } from "@subtitles/job-store/subtitle";

type Work = Pick<SubtitleData, "videoUrl" | "language" | "targetLanguage">;

/**
 * Returns the id of the job for this work. It is the same for the same video, language and target, so the store rejects a second
 * job, also from another client at the same time. It is a UUID of version 8 (RFC 9562).
 */
export function jobIdFor({ videoUrl, language, targetLanguage }: Work): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([videoUrl, language, targetLanguage]))
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x80;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
