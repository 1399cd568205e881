import { createHash } from "node:crypto";
import type { SubtitleData } from "@subtitles/job-store/subtitle";

type Work = Pick<SubtitleData, "videoUrl" | "language" | "targetLanguage">;

/**
 * The id of the job for this work: the same for the same video, language and target, so that the store itself refuses a
 * second one, whoever asks and at the same moment too. A UUID of version 8 (RFC 9562).
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
