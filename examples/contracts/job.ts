import { defineJob, type JobStore } from "@subtitles/job-store";
import { defineQueue } from "@subtitles/queue";
import { z } from "zod";

// Defines all names of the service: its kind of job, statuses, stages and queues. The apps import them.

/** Initial status, also of a failed job that is tried again. */
export const WAITING = "pending";
/** Final status of a job whose file exists. */
export const COMPLETED = "completed";
/** Final status of a job that failed or was cancelled. The job has the reason in `error`. */
export const FAILED = "failed";

/** Message that requests the work of a stage. It only has the job's id. The worker reads the current job from the store. */
const payload = z.object({ jobId: z.string() });

/** Options of a stage's worker: its queue, the status in which jobs wait for it, and the status of a job that it works on. */
export const download = {
  queue: defineQueue({ name: "subtitles.download", payload }),
  from: WAITING,
  working: "downloading",
} as const;
/** The downloader changes the job to `translating`, and this worker claims it in that status. Therefore both are the same. */
export const translate = {
  queue: defineQueue({ name: "subtitles.translate", payload }),
  from: "translating",
  working: "translating",
} as const;
/** Queues of all stages. */
export const queues = [download.queue, translate.queue];

/** Language tag in its canonical form: "eng" becomes "en". */
const language = z.string().transform((tag, context) => {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? z.NEVER;
  } catch {
    context.addIssue({ code: "custom", message: "must be a language tag such as en or pt-BR" });
    return z.NEVER;
  }
});

const DAY = 24 * 3600;

/** Job definition: data, result and progress, and the statuses with their allowed transitions. */
export const definition = defineJob({
  name: "subtitle",
  data: z.object({
    /** Address of the video. If it is a path in the media folder, subtitles next to the video are found. */
    videoUrl: z.string().min(1).max(2000),
    videoTitle: z.string().min(1).max(200),
    language,
    /** Language to translate into; null: no translation. */
    targetLanguage: language.nullable().default(null),
  }),
  result: z.object({
    /** Name of the file in the storage folder. */
    file: z.string(),
    /** Name of the subtitle file that was found. */
    source: z.string(),
    /** Cues that have a translation, out of those that need one. The others are left out of the file. */
    translation: z.object({ provider: z.string(), covered: z.int(), total: z.int() }).optional(),
  }),
  progress: z.object({ done: z.int(), total: z.int() }),
  initial: WAITING,
  statuses: {
    // Each status of unfinished jobs has a timeout. Otherwise, a job whose message is lost in RabbitMQ would never end.
    [WAITING]: { next: [download.working, FAILED], timeoutSeconds: DAY, sends: [{ queue: download.queue.name }] },
    [download.working]: { next: [download.working, translate.working, COMPLETED, FAILED], timeoutSeconds: DAY },
    [translate.working]: {
      next: [translate.working, COMPLETED, FAILED],
      timeoutSeconds: DAY,
      sends: [{ queue: translate.queue.name }],
    },
    [COMPLETED]: { next: [], final: true, ttlSeconds: 7 * DAY },
    [FAILED]: { next: [WAITING], final: true, ttlSeconds: 3 * DAY },
  },
});
export type Definition = typeof definition;
export type Store = JobStore<Definition>;
