import { z } from "zod";
import { download, translate } from "../../../contracts/job.js";

/** A job's id, from wherever it comes: it becomes part of addresses and file names. */
export const jobId = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, "Not a job id");

/** A message only says which job: the rest is in the store, and up to date there. `job.ts` says who sends it. */
export const jobMessage = z.object({ jobId });

/** Find the subtitle. */
export const downloadQueue = download.queue;

/** Translate the subtitle that was found or uploaded. */
export const translateQueue = translate.queue;

/** Either of them. */
export type StageQueue = typeof downloadQueue | typeof translateQueue;
