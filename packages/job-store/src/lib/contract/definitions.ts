import * as z from "zod";
import { type Change, defineJob, type Job, type JobStore, type Json, type StatusOf } from "../../index.js";

/** Lets everything through, so that what is not JSON meets the store's own check. */
const anything = z.custom<Json>();

const statuses = {
  waiting: { next: ["working", "failed"] },
  /** Its own successor: a redelivered task enters it again. */
  working: { next: ["working", "checking", "done", "failed"] },
  checking: { next: ["working", "done", "failed"] },
  done: { next: [], final: true, ttlSeconds: 3600 },
  failed: { next: ["waiting", "abandoned"], final: true, ttlSeconds: 7200 },
  abandoned: { next: ["abandoned"], final: true },
} as const;

/** The kind of job that the contract is about: every feature of a definition occurs in it. */
export const report = defineJob({
  name: "report",
  data: z.object({
    title: z.string().min(1),
    label: z.string().optional(),
    owner: z.string().nullable().optional(),
    body: anything.optional(),
  }),
  result: z.object({ url: z.string(), body: anything.optional() }),
  progress: z.object({ done: z.number().min(0), body: anything.optional() }),
  initial: "waiting",
  statuses,
  index: { label: ({ label }) => label, owner: ({ owner }) => owner },
});
export type Report = typeof report;
export type Status = StatusOf<Report>;

/** The same kind of job in the eyes of a service with a stricter schema, and without an index. */
export const strictReport = defineJob({
  name: "report",
  data: z.object({ title: z.string().max(5) }),
  result: z.object({ url: z.url() }),
  progress: z.object({ done: z.number().max(1) }),
  initial: "waiting",
  statuses,
});

export const STATUSES = Object.keys(statuses) as Status[];

export function isFinal(status: Status): boolean {
  return "final" in statuses[status];
}

export function next(status: Status): readonly Status[] {
  return statuses[status].next;
}

/** The shortest legal way from creation to each status. */
const WAY: Readonly<Record<Status, readonly Status[]>> = {
  waiting: [],
  working: ["working"],
  checking: ["working", "checking"],
  done: ["working", "done"],
  failed: ["failed"],
  abandoned: ["failed", "abandoned"],
};

/** A new job, brought to a status by legal steps. */
export async function jobIn(store: JobStore<Report>, status: Status, id?: string): Promise<Job<Report>> {
  const { job } = await store.create({ title: "Quarterly" }, { id });
  let last: Job<Report> = job;
  for (const to of WAY[status]) last = await step(store, last.id, to);
  return last;
}

/** `updateStatus` for tests that walk the table at run time, where the compiler cannot know which step is legal. */
export function step(
  store: JobStore<Report>,
  target: string | Job<Report>,
  to: Status,
  change: Change<Report> & { readonly ifVersion?: number } = {},
): Promise<Job<Report>> {
  return typeof target === "string"
    ? store.updateStatus(target, to, change)
    : store.updateStatus(target as Job<Report, never>, to as never, change);
}
