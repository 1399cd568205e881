export {
  type SubtitleData,
  type SubtitleProgress,
  type SubtitleResult,
  subtitleJob,
  subtitleTtlFromEnv,
} from "./lib/subtitle/subtitle-job.js";
