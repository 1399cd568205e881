import { defineJob, type JobStore, type StatusOf } from "@subtitles/job-store";
import { defineQueue } from "@subtitles/queue";
import { z } from "zod";

/** Definition of the jobs of all rounds. Every final status allows another attempt, so a job can change without end. */
export const task = defineJob({
  name: "task",
  data: z.object({ secret: z.string() }),
  /** `by` is the id of the operation that recorded the progress. */
  progress: z.object({ by: z.string() }),
  initial: "todo",
  statuses: {
    todo: { next: ["doing", "failed"] },
    doing: { next: ["doing", "done", "failed", "fading"] },
    done: { next: ["todo"], final: true },
    failed: { next: ["todo"], final: true },
    /** Expires after one second. */
    fading: { next: ["todo"], final: true, ttlSeconds: 1 },
  },
});
export type Task = typeof task;
export type Tasks = JobStore<Task>;
export type Status = StatusOf<Task>;

export const STATUSES = Object.keys(task.statuses) as readonly Status[];

export function isAllowed(from: Status, to: Status): boolean {
  return (task.statuses[from].next as readonly Status[]).includes(to);
}

export function isFinal(status: Status): boolean {
  return "final" in task.statuses[status];
}

/** Returns the time at which a job expires that enters the status at `enteredAt`. Infinity: it does not expire. */
export function expiryTime(status: Status, enteredAt: number): number {
  const rule = task.statuses[status];
  return "ttlSeconds" in rule ? enteredAt + rule.ttlSeconds * 1_000 : Number.POSITIVE_INFINITY;
}

/** Payload of every message: the job, and the id of the operation that stored the message. */
const payload = z.object({ job: z.string(), op: z.string() });

/** Queue of jobs to process. A worker moves each through `todo`, `doing` and `done`. */
export const work = defineQueue({ name: "work", payload, retryDelaysMs: [200, 1_000, 3_000] });
/** Queue of messages that belong to other changes. A worker only records that it received them. */
export const notices = defineQueue({ name: "notices", payload, retryDelaysMs: [200, 1_000, 3_000] });
export const queues = [work, notices] as const;

/** Id prefixes of the kinds of jobs. */
export const kinds = {
  /** Only workers change these jobs, after they receive the message. Each job must become `done`. */
  work: "work-",
  /** All writers change these jobs concurrently. */
  hot: "hot-",
  /** All writers change these jobs concurrently. They expire and are created again. */
  fading: "fading-",
  /** The writer that creates such a job also deletes it. */
  brief: "brief-",
  /** The runner creates these jobs to mark positions in the event log. */
  marker: "marker-",
} as const;

/** Part of every payload. It must not occur in any output. */
export const PAYLOAD_SECRET = "p4yload-s3cret";
