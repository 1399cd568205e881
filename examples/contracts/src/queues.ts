import { defineQueue } from "@subtitles/queue";
import { z } from "zod";
import { jobId } from "./job.js";

/** A message only says which job: the rest is in the store, and up to date there. */
export const jobMessage = z.object({ jobId });

/** Find the subtitle. Sent by the manager together with the new job. */
export const downloadQueue = defineQueue({ name: "subtitles.download", payload: jobMessage });

/** Translate the subtitle that was found. Sent by the downloader together with its hand-over. */
export const translateQueue = defineQueue({ name: "subtitles.translate", payload: jobMessage });

/** Either of them. */
export type StageQueue = typeof downloadQueue | typeof translateQueue;

/** The queue that asks for the work of a status. */
export const queueOf = { downloading: downloadQueue, translating: translateQueue } as const;
