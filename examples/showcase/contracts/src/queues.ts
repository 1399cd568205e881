import { z } from "zod";
import { download, translate } from "../../../contracts/job.js";

/** Id of a job. It is part of addresses and file names, so its characters are limited. */
export const jobId = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, "Not a job id");

/** Message for a job. It only has the id. The worker reads the current job from the store. */
export const jobMessage = z.object({ jobId });

/** Queue of the downloader. */
export const downloadQueue = download.queue;

/** Queue of the translator, for subtitles that were found or uploaded. */
export const translateQueue = translate.queue;

/** One of the two queues. */
export type StageQueue = typeof downloadQueue | typeof translateQueue;
