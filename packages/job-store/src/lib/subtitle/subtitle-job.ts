import * as z from "zod";
import { defineJob, JobStoreError, type Json } from "../../index.js";

/** What a subtitle job carries. */
export interface SubtitleData {
  /** Where the video is; not fetched by the store. */
  readonly videoUrl: string;
  /** What people call it. */
  readonly videoTitle: string;
  /** Of the subtitle that is wanted. BCP 47, canonical. */
  readonly language: string;
  /** null (also when left out): no translation wanted. */
  readonly targetLanguage: string | null;
  /** Empty when left out. */
  readonly preferredSources: readonly string[];
}

/** Where the finished subtitle is. */
export interface SubtitleResult {
  /** From where clients get it. */
  readonly downloadUrl: string;
  /** What a service wants to show besides: candidate chosen, encoding, coverage, warnings. */
  readonly details?: { readonly [key: string]: Json } | undefined;
}

/** How far a stage has come. */
export interface SubtitleProgress {
  /** What is being done: "searching", say. */
  readonly stage: string;
  /** Of `total`, 0 or more. */
  readonly done: number;
  /** 0 or more, in whatever the stage counts. */
  readonly total: number;
}

/** A language tag in its canonical form: "eng" becomes "en", "pt-br" becomes "pt-BR". */
const language = z
  .string()
  .min(1)
  .overwrite((tag) => canonical(tag) ?? tag)
  .refine((tag) => canonical(tag) !== null, "must be a language tag such as en, pt-BR or zh-Hant (BCP 47)");

function canonical(tag: string): string | null {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null;
  } catch {
    return null;
  }
}

const json: z.ZodType<Json, Json> = z.json();

type SubtitleInput = Omit<SubtitleData, "targetLanguage" | "preferredSources"> & {
  readonly [K in "targetLanguage" | "preferredSources"]?: SubtitleData[K] | undefined;
};

const data: z.ZodType<SubtitleData, SubtitleInput> = z.object({
  videoUrl: z.string().min(1),
  videoTitle: z.string().min(1),
  language,
  targetLanguage: language.nullable().default(null),
  preferredSources: z.array(z.string().min(1)).default([]),
});

const result: z.ZodType<SubtitleResult, SubtitleResult> = z.object({
  downloadUrl: z.string().min(1),
  details: z.record(z.string(), json).optional(),
});

const progress: z.ZodType<SubtitleProgress, SubtitleProgress> = z.object({
  stage: z.string().min(1),
  done: z.number().min(0),
  total: z.number().min(0),
});

/**
 * The life of a subtitle: pending → downloading → translating → completed or failed; pending → translating where a
 * subtitle is already at hand; re-entry of the working statuses; failed → pending (retry). Completed jobs are kept for
 * 7 days, failed ones for 3, unfinished ones for ever.
 */
export const subtitleJob = defineJob({
  name: "subtitle",
  data,
  result,
  progress,
  initial: "pending",
  statuses: {
    pending: { next: ["downloading", "translating", "failed"] },
    downloading: { next: ["downloading", "translating", "completed", "failed"] },
    translating: { next: ["translating", "completed", "failed"] },
    completed: { next: [], final: true, ttlSeconds: 604_800 },
    failed: { next: ["pending"], final: true, ttlSeconds: 259_200 },
  },
});

/**
 * Retention from the environment, for `createJobStore({ ttlSeconds })`: REDIS_JOB_TTL_COMPLETED, REDIS_JOB_TTL_FAILED
 * and REDIS_JOB_TTL_ACTIVE, in seconds, 0 for ever; 604800, 259200 and 0 where unset or empty.
 *
 * @throws JobStoreError INVALID_ARGUMENT naming the variable that is no whole number of seconds
 */
export function subtitleTtlFromEnv(env: Readonly<Record<string, string | undefined>>): {
  readonly pending: number;
  readonly downloading: number;
  readonly translating: number;
  readonly completed: number;
  readonly failed: number;
} {
  const seconds = (name: string, fallback: number): number => {
    const text = env[name]?.trim() ?? "";
    if (text === "") return fallback;
    if (/^\d{1,10}$/.test(text)) return Number(text);
    throw new JobStoreError("INVALID_ARGUMENT", `${name} must be a whole number of seconds (0: for ever).`);
  };
  const active = seconds("REDIS_JOB_TTL_ACTIVE", 0);
  return {
    pending: active,
    downloading: active,
    translating: active,
    completed: seconds("REDIS_JOB_TTL_COMPLETED", 604_800),
    failed: seconds("REDIS_JOB_TTL_FAILED", 259_200),
  };
}
