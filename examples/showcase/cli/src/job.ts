import { z } from "zod";

/** Fields of a job that this program reads. */
export const job = z.object({
  id: z.string(),
  status: z.enum(["pending", "downloading", "translating", "completed", "failed"]),
  attempt: z.number(),
  videoTitle: z.string(),
  language: z.string(),
  targetLanguage: z.string().nullable(),
  percent: z.number(),
  progress: z.object({ stage: z.string(), done: z.number(), total: z.number() }).nullable(),
  waiting: z.object({ until: z.string(), reason: z.string() }).nullable().default(null),
  error: z.object({ code: z.string().nullable(), message: z.string() }).nullable(),
  createdAt: z.string(),
});
export type Job = z.output<typeof job>;

export const hasEnded = ({ status }: Job): boolean => status === "completed" || status === "failed";
