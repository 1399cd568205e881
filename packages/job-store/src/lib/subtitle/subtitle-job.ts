import * as z from "zod";
import { defineJob, JobStoreError, type Json } from "../../index.js";

/** Data of a subtitle job. */
export interface SubtitleData {
  /** Address of the video. The store does not fetch it. */
  readonly videoUrl: string;
  /** Human-readable title of the video. */
  readonly videoTitle: string;
  /** Language of the requested subtitle, as a canonical BCP 47 tag. */
  readonly language: string;
  /** Language to translate into. null or omitted: no translation. */
  readonly targetLanguage: string | null;
  /** Preferred sources. Empty if omitted. */
  readonly preferredSources: readonly string[];
}

/** Result of a subtitle job. */
export interface SubtitleResult {
  /** Address from which clients download the subtitle. */
  readonly downloadUrl: string;
  /** Additional details that a service wants to show: chosen candidate, encoding, coverage, warnings. */
  readonly details?: { readonly [key: string]: Json } | undefined;
}

/** Progress of a subtitle job. */
export interface SubtitleProgress {
  /** Stage of the work, for example "searching". */
  readonly stage: string;
  /** Number of finished units, 0 or more. */
  readonly done: number;
  /** Total number of units of this stage, 0 or more. */
  readonly total: number;
}

/** Schema of a language tag. It converts the tag to its canonical form: "eng" becomes "en", "pt-br" becomes "pt-BR". */
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
 * Definition of a subtitle job. Transitions: pending → downloading → translating → completed or failed; pending → translating if a
 * subtitle is already available; re-entry of the working statuses; failed → pending (a retry). Completed jobs are kept for 7 days,
 * failed jobs for 3 days, and unfinished jobs without expiry.
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
 * Reads the TTLs in seconds from REDIS_JOB_TTL_COMPLETED (@default 604800), REDIS_JOB_TTL_FAILED (@default 259200) and
 * REDIS_JOB_TTL_ACTIVE (pending, downloading and translating; @default 0), for `createJobStore({ ttlSeconds })`. 0: without expiry.
 *
 * @throws JobStoreError INVALID_ARGUMENT with the name of the variable that is not an integer of 0 or more
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
    throw new JobStoreError(
      "INVALID_ARGUMENT",
      `${name} must be an integer number of seconds, 0 for no expiry (got ${JSON.stringify(text)}).`,
    );
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
