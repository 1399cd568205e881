import type { KeyLimit } from "./claims.js";

// Pauses of queues and live workers, as drivers store them.

/** Pause of a queue, for all workers. */
export interface QueuePause {
  /** Name of the queue, 1–255 characters. */
  readonly queue: string;
  /** Time at which the queue was paused. */
  readonly since: number;
  /** End of the pause. null: it has none. */
  readonly until: number | null;
  /** Reason for the pause. null: none was given. */
  readonly reason: string | null;
  /** Author of the pause. null: unknown. */
  readonly by: string | null;
}

/** Request to pause a queue. */
export interface PauseRequest extends Omit<QueuePause, "since"> {
  /** True: a pause that ends later, or has no end, is kept unchanged. */
  readonly unlessLonger: boolean;
}

/** Worker that is alive, as it announces itself. */
export interface WorkerRecord {
  /** Id of the worker: 1–128 characters of A–Z a–z 0–9 . _ - */
  readonly id: string;
  /** Author of the changes of the worker. */
  readonly by: string;
  /** Name of the queue that the worker consumes. */
  readonly queue: string;
  /** Statuses in which jobs wait for the worker, without `working`. */
  readonly from: readonly string[];
  /** Status of a job while the worker runs it. */
  readonly working: string;
  /** Name of the machine. */
  readonly host: string;
  /** Id of the process on this machine. */
  readonly pid: number;
  /** Release of the service. null: unknown. */
  readonly version: string | null;
  /** State of the worker, as `JobStore.workers` shows it. */
  readonly state: "running" | "waiting" | "paused";
  /** Maximum number of jobs that run at the same time. */
  readonly concurrency: number;
  /** Limit of its claims. null: none. */
  readonly limit: KeyLimit | null;
  /** Time at which the worker started, by its own clock. */
  readonly startedAt: number;
}

/** Live worker. */
export interface LiveWorkerRecord extends WorkerRecord {
  /** Ids of the jobs of its latest announcement, at most 1,000. */
  readonly running: readonly string[];
  /** Time of its latest announcement. */
  readonly seenAt: number;
}

/** Queue that workers have consumed during the last 30 days, with the statuses that the worker named that started last. */
export type QueueConsumer = Pick<WorkerRecord, "queue" | "from" | "working">;

/** Status in which jobs wait, and no live worker takes them. */
export interface UnattendedStatus {
  /** Name of the status. */
  readonly status: string;
  /** Queues whose workers take jobs from this status. */
  readonly queues: readonly string[];
  /** Time in milliseconds that the oldest job has waited. */
  readonly waitMs: number;
}

/** Activity of the last hour. See `JobStorage.activity`. */
export interface StoredActivity {
  /** Time of the report. */
  readonly now: number;
  /** Beginning of the first of 60 minutes: a multiple of 60,000. The last one contains `now`. */
  readonly from: number;
  /** Number of present jobs that were created in each minute. */
  readonly created: readonly number[];
  /** For each status of the configuration, the number of jobs in it that entered it in each minute. A status without any can be absent. */
  readonly entered: ReadonlyMap<string, readonly number[]>;
  /** Number of jobs whose timeout passes within one hour. */
  readonly dueWithinHour: number;
  /** Number of jobs whose timeout passed at least `lateMs` ago. */
  readonly overdue: number;
}
