// Jobs for the tests that are the same for every service. For another kind of job, change this file and not those tests.
import { download } from "../job.js";

/** Statuses of a job between the initial status and `COMPLETED`, in order. */
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
/** Invalid data, and the name of the invalid field. */
export const wrongData = { ...sampleData, language: "not a language" };
export const wrongField = "language";

/** Returns the result of a job with this file. */
export const resultWith = (file: string) => ({ file, source: "The Night Boat.en.srt" });
