// The jobs of the tests that are the same for every service. Another kind of job changes this file, and not those tests.
import { download } from "../job.js";

/** Statuses through which a job gets before it is completed. */
export const workingStatuses = [download.working] as const;

/** Data of a job that the service completes with the files in `samples`. */
export const sampleData = {
  videoUrl: "https://films.example/night-boat.mkv",
  videoTitle: "The Night Boat",
  language: "en",
  targetLanguage: "es",
};
/** Data of another job. */
export const otherData = { ...sampleData, targetLanguage: null };
/** Data that the definition refuses, and the field that is wrong. */
export const wrongData = { ...sampleData, language: "not a language" };
export const wrongField = "language";

/** Result of a job whose file is `file`. */
export const resultWith = (file: string) => ({ file, source: "The Night Boat.en.srt" });
