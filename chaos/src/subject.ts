import { defineJob, type JobStore, type StatusOf } from "@subtitles/job-store";
import { defineQueue } from "@subtitles/queue";
import { z } from "zod";

/** The kind of job that the runs are about. It can go round for ever, so that many can fight over one. */
export const task = defineJob({
  name: "task",
  data: z.object({ secret: z.string() }),
  /** Names the operation that recorded it. */
  progress: z.object({ by: z.string() }),
  initial: "todo",
  statuses: {
    todo: { next: ["doing", "failed"] },
    doing: { next: ["doing", "done", "failed", "fading"] },
    done: { next: ["todo"], final: true },
    failed: { next: ["todo"], final: true },
    /** Forgotten soon, unless somebody takes it up again. */
    fading: { next: ["todo"], final: true, ttlSeconds: 1 },
  },
});
export type Task = typeof task;
export type Tasks = JobStore<Task>;
export type Status = StatusOf<Task>;

export const STATUSES = Object.keys(task.statuses) as readonly Status[];

export function mayFollow(from: Status, to: Status): boolean {
  return (task.statuses[from].next as readonly Status[]).includes(to);
}

export function isFinal(status: Status): boolean {
  return "final" in task.statuses[status];
}

/** When a job expires that enters this status at that time; infinite: never. */
export function expiryOf(status: Status, enteredAt: number): number {
  const rule = task.statuses[status];
  return "ttlSeconds" in rule ? enteredAt + rule.ttlSeconds * 1_000 : Number.POSITIVE_INFINITY;
}

/** A message names its job and the operation that stored it. */
const payload = z.object({ job: z.string(), op: z.string() });

/** A job to be done: `todo`, `doing`, `done`. */
export const work = defineQueue({ name: "work", payload, retryDelaysMs: [200, 1_000, 3_000] });
/** News of other changes; received, and nothing more. */
export const notices = defineQueue({ name: "notices", payload, retryDelaysMs: [200, 1_000, 3_000] });
export const queues = [work, notices] as const;

/** Jobs by what becomes of them. */
export const kinds = {
  /** Moved by workers alone, as their message arrives: each has to end. */
  work: "work-",
  /** Fought over by all writers. */
  hot: "hot-",
  /** Fought over, too; they expire, and are made again. */
  fading: "fading-",
  /** Deleted by whoever made them. */
  brief: "brief-",
  /** Made by the runner, to find places in the event log. */
  marker: "marker-",
} as const;

/** Stands in every payload and must not stand in anything that is printed. */
export const PAYLOAD_SECRET = "p4yload-s3cret";
