import * as z from "zod";
import type { LegacyMap } from "../../redis.js";
import { subtitleJob } from "../subtitle/subtitle-job.js";

/** The statuses of both eras of the Python services, and what each is now. */
const STATUS = {
  pending: "pending",
  download_queued: "pending",
  downloading: "downloading",
  download_in_progress: "downloading",
  translate_queued: "translating",
  translating: "translating",
  translate_in_progress: "translating",
  completed: "completed",
  done: "completed",
  failed: "failed",
  subtitle_missing: "failed",
} as const;

const status = z.enum(Object.keys(STATUS) as (keyof typeof STATUS)[]);

const time = z.string().transform((text, context) => {
  const read = readTime(text);
  if (read !== null) return read;
  context.addIssue("is no time");
  return z.NEVER;
});

const legacyValue = z.object({
  id: z.string(),
  video_url: z.string(),
  video_title: z.string(),
  language: z.string(),
  target_language: z.string().nullish(),
  status,
  created_at: time,
  updated_at: time,
  error_message: z.string().nullish(),
  download_url: z.string().nullish(),
});

/**
 * The jobs of the Python subtitle services, for `importLegacyJobs`: both their eras, with times to the microsecond (cut to
 * the millisecond) that count as UTC where they have no zone. What was queued for the download is pending again, what was
 * queued for the translation is translating; done is completed; a subtitle that was not found is a failure that says so.
 * A status that has another name now is kept in the history's note.
 */
export const legacySubtitleJob: LegacyMap<typeof subtitleJob> = {
  job: subtitleJob,
  read: (value, id) => {
    const { success, data: old, error } = legacyValue.safeParse(value);
    if (!success) throw new Error(firstIssue(error));
    if (old.id !== id) throw new Error("its id is not that of its key");
    const status = STATUS[old.status];
    return {
      status,
      data: {
        videoUrl: old.video_url,
        videoTitle: old.video_title,
        language: old.language,
        targetLanguage: old.target_language ?? null,
      },
      result: old.download_url ? { downloadUrl: old.download_url } : null,
      error: failureOf(old),
      createdAt: old.created_at,
      updatedAt: old.updated_at,
      note: status === old.status ? undefined : `was ${old.status}`,
    };
  },
};

function failureOf(old: z.output<typeof legacyValue>) {
  if (old.status === "subtitle_missing") {
    return { message: old.error_message || "No subtitle was found.", code: "SUBTITLE_MISSING" };
  }
  return old.error_message ? { message: old.error_message } : null;
}

const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/;

/** As Python writes it: with a fraction where it is not zero, and `Z`, an offset, or in the first era nothing at all. */
function readTime(text: string): Date | null {
  const [, day, clock, fraction = "", zone = "Z"] = TIME.exec(text) ?? [];
  if (day === undefined) return null;
  const millis = fraction.slice(0, 3).padEnd(3, "0");
  const local = `${day}T${clock}.${millis}Z`;
  // JavaScript would take 30 February for 1 March.
  if (Number.isNaN(Date.parse(local)) || new Date(local).toISOString() !== local) return null;
  const offset = zone === "Z" ? zone : zone.replace(/(\d\d):?(\d\d)$/, "$1:$2");
  const date = new Date(local.replace("Z", offset));
  return Number.isNaN(date.getTime()) ? null : date;
}

function firstIssue(error: z.ZodError | undefined): string {
  const [issue] = error?.issues ?? [];
  return issue === undefined || issue.path.length === 0
    ? "it is no object"
    : `${issue.path.join(".")}: ${issue.message}`;
}
