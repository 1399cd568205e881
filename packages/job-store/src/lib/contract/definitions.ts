import * as z from "zod";
import { type Change, defineJob, type Job, type JobStore, type Json, type StatusOf } from "../../index.js";

/** Schema that accepts any value, so that values that are not JSON reach the check of the store. */
const anything = z.custom<Json>();

const statuses = {
  waiting: { next: ["working", "failed"] },
  /** Allows re-entry, for a redelivered message. */
  working: { next: ["working", "checking", "done", "failed"] },
  checking: { next: ["working", "done", "failed"] },
  done: { next: [], final: true, ttlSeconds: 3600 },
  failed: { next: ["waiting", "abandoned"], final: true, ttlSeconds: 7200 },
  abandoned: { next: ["abandoned"], final: true },
} as const;

/** Definition that the conformance tests use. It has every feature of a definition. */
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

/** Definition of the same job type in a service with a stricter schema and without index fields. */
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

/** Shortest list of transitions from creation to each status. */
const WAY: Readonly<Record<Status, readonly Status[]>> = {
  waiting: [],
  working: ["working"],
  checking: ["working", "checking"],
  done: ["working", "done"],
  failed: ["failed"],
  abandoned: ["failed", "abandoned"],
};

/** Creates a job and moves it to a status by allowed transitions. */
export async function jobIn(store: JobStore<Report>, status: Status, id?: string): Promise<Job<Report>> {
  const { job } = await store.create({ title: "Quarterly" }, { id });
  let last: Job<Report> = job;
  for (const to of WAY[status]) last = await step(store, last.id, to);
  return last;
}

/** Calls `updateStatus` with a status that is known only at run time, so that the compiler cannot check the transition. */
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

/** Returns a job that is not stored, with a history. */
export function imported(id: string, change: Partial<Job<Report>> = {}): Job<Report> {
  return {
    id,
    status: "checking",
    version: 7,
    attempt: 3,
    data: { title: "Imported", body: { pages: 12 } },
    progress: { done: 0.5 },
    result: null,
    error: null,
    createdAt: new Date("2024-02-29T12:00:00.001Z"),
    updatedAt: new Date("2024-03-03T12:00:00.003Z"),
    statusAt: new Date("2024-03-02T12:00:00.002Z"),
    expiresAt: null,
    leasedUntil: null,
    history: [
      { from: null, to: "waiting", at: new Date("2024-02-29T12:00:00.001Z"), version: 1, by: "old system" },
      { from: "waiting", to: "checking", at: new Date("2024-03-02T12:00:00.002Z"), version: 6, note: "by hand" },
    ],
    ...change,
  } as Job<Report>;
}
