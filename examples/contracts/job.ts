import { defineJob, type JobStore } from "@subtitles/job-store";
import { defineQueue } from "@subtitles/queue";
import { z } from "zod";

// All names of the service are in this file: its kind of job, statuses, stages and queues. The apps import them.

/** Status of a new job, and of a failed job that is tried again. */
export const WAITING = "pending";
/** Final status of a job whose file exists. */
export const COMPLETED = "completed";
/** Final status of a job that could not be done. The job's error has the reason. */
export const FAILED = "failed";

/** Message that requests the work of a stage. It only names the job: everything else is in the store, and up to date there. */
const payload = z.object({ jobId: z.string() });

/** Options of a stage's worker: its queue, the status in which jobs wait for it, and the status of a job that it works on. */
export const download = {
  queue: defineQueue({ name: "subtitles.download", payload }),
  from: WAITING,
  working: "downloading",
} as const;
/** The worker before this one moves the job to `translating`. So this worker finds it in that status, and claims it there. */
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

/** Kind of job: data, result and progress, and the statuses with those that can follow each. */
export const definition = defineJob({
  name: "subtitle",
  data: z.object({
    /** Address of the video. Subtitles next to it are found if it is a path in the media folder. */
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
    // A status that sends messages has a timeout: a message that RabbitMQ loses would leave its job there without an end.
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
