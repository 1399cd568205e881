import { defineJob, type JobStore, type StatusOf } from "@subtitles/job-store";
import { defineQueue } from "@subtitles/queue";
import { z } from "zod";

/**
 * Behaviour of the work on an order:
 * - done: it succeeds
 * - throws: it fails once, and succeeds in the next attempt
 * - fails: it fails the job
 * - later: it is postponed once
 * - asks: it publishes a message that requests the job while it runs, and then waits for it
 */
export const PLANS = ["done", "throws", "fails", "later", "asks"] as const;
export type Plan = (typeof PLANS)[number];

/** Definition of the jobs of all rounds. Every final status allows another attempt, so a job can change without end. */
export const task = defineJob({
  name: "task",
  data: z.object({ secret: z.string(), plan: z.enum(PLANS).default("done"), isSent: z.boolean().default(false) }),
  /** `by` is the id of the operation or of the run that recorded the progress, `step` what an order has done. */
  progress: z.object({ by: z.string(), step: z.enum(["postponed", "asked"]).optional() }),
  index: { sent: ({ isSent }) => (isSent ? "yes" : null) },
  initial: "todo",
  statuses: {
    todo: { next: ["doing", "failed", "cancelled"], sends: [{ queue: "work", ifField: "sent" }] },
    doing: { next: ["doing", "waiting", "done", "failed", "cancelled", "fading"] },
    /** An order waits for a message. */
    waiting: { next: ["doing", "failed", "cancelled"] },
    done: { next: ["todo"], final: true },
    failed: { next: ["todo"], final: true },
    cancelled: { next: ["todo"], final: true },
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

/** Payload of every message: the job, and the id of the operation that stored the message, if it was not the status. */
const payload = z.object({ jobId: z.string(), op: z.string().optional() });

/** Queue of the orders. */
export const work = defineQueue({ name: "work", payload, retryDelaysMs: [200, 1_000, 3_000] });
/** Queue of messages that belong to other changes. A consumer only records that it received them. */
export const notices = defineQueue({ name: "notices", payload, retryDelaysMs: [200, 1_000, 3_000] });
export const queues = [work, notices] as const;

/** Id prefixes of the kinds of jobs. */
export const kinds = {
  /** Orders: jobs of the workers. Users cancel, retry and delete some of them. The change that orders the work stores its message. */
  work: "work-",
  /** Orders whose message is stored by their status (`sends`). */
  sent: "sent-",
  /** All writers change these jobs concurrently. */
  hot: "hot-",
  /** All writers change these jobs concurrently. They expire and are created again. */
  fading: "fading-",
  /** The writer that creates such a job also deletes it. */
  brief: "brief-",
  /** The runner creates these jobs to mark positions in the event log. */
  marker: "marker-",
} as const;

/** Returns true if workers run the job. */
export function isOrder(id: string): boolean {
  return id.startsWith(kinds.work) || id.startsWith(kinds.sent);
}

/** Part of every payload. It must not occur in any output. */
export const PAYLOAD_SECRET = "p4yload-s3cret";
