import type { KeyLimit } from "./claims.js";
import type { FieldOf, JobDefinition, StatusOf } from "./definition.js";
import type { Job } from "./job.js";

/** Pause of a queue. See `pauseQueue`. */
export interface PausedQueue {
  /** Name of the queue, as in the messages of the outbox. */
  readonly queue: string;
  /** Time at which the queue was paused. */
  readonly since: Date;
  /** End of the pause. null: until `resumeQueue`. */
  readonly until: Date | null;
  /** Reason, as given to `pauseQueue`. null: none was given. */
  readonly reason: string | null;
  /** Author, as given to `pauseQueue`. null: none was given. */
  readonly by: string | null;
}

/** Options of `pauseQueue`. */
export interface PauseOptions {
  /** End of the pause, by the clock of the server. A time in the past ends the pause at once. @default until `resumeQueue` */
  readonly until?: Date | undefined;
  /** Human-readable reason, at most 1,000 characters. */
  readonly reason?: string | undefined;
  /** Author of the pause, as named by the caller, 1–255 characters. */
  readonly by?: string | undefined;
  /** True: the call changes nothing if the queue is paused already and the pause ends later, or has no `until`. */
  readonly unlessLonger?: true | undefined;
}

/** Worker that is alive. See `workers`. */
export interface LiveWorker {
  /** `by` of the worker's options. */
  readonly by: string;
  /** Name of the queue that it consumes. */
  readonly queue: string;
  /** Name of its machine. */
  readonly host: string;
  /** Id of its process. */
  readonly pid: number;
  /** `version` of the worker's options, for example the release of the service. null: none was given. */
  readonly version: string | null;
  /** State at its latest heartbeat. waiting: it cannot reach the store or the broker. paused: it starts no job, also while it closes. */
  readonly state: "running" | "waiting" | "paused";
  /** Maximum number of jobs that it runs at the same time. */
  readonly concurrency: number;
  /** Ids of the running jobs, at most 1,000. */
  readonly running: readonly string[];
  /** Time of its start, by its own clock. */
  readonly startedAt: Date;
  /** Time of its latest heartbeat. */
  readonly seenAt: Date;
}

/** Worker, as it announces itself. See `announceWorker`. */
export interface AnnouncedWorker<D extends JobDefinition> extends Omit<LiveWorker, "version" | "running" | "seenAt"> {
  /** Identifies the worker, 1–128 characters of A–Z a–z 0–9 . _ - Each worker needs its own, for example a UUID that it makes when it starts. */
  readonly id: string;
  /** Statuses in which jobs wait for the worker. */
  readonly from: readonly StatusOf<D>[];
  /** Status of a job while the worker runs it. */
  readonly working: StatusOf<D>;
  /**
   * Limit of its claims. While no live worker announces a limit on a field, the store sends all messages that wait because of it. @default none
   */
  readonly limit?: KeyLimit<FieldOf<D>> | undefined;
  /** Release of the service. @default none */
  readonly version?: string | undefined;
}

/** Reason why a job does not move. See `explain`. */
export interface Explanation {
  /**
   * Kind of the reason:
   * - UNREADABLE: the record cannot be read
   * - REJECTED: a relay rejected a message of this job
   * - NO_RELAY: a message of this job has waited in the outbox for more than a minute: no relay has claimed it, or the relay cannot publish it
   * - SCHEDULED: a message of this job is due later
   * - PAUSED: a queue of this job is paused
   * - NO_WORKER: no live worker consumes a queue of this job: there is none, or all wait for the message broker. The queues are those of
   *   its messages, and those whose workers named its status in `from` or `working` when they last started
   * - LEASED: a worker runs the job, or it waits for a retry or for `RetryLater`
   * - LIMITED: a message of this job waits, because the limit of its key is reached
   * - OVERDUE: the timeout of the status has passed and is not enforced yet
   * - NO_MESSAGE: the job is not final, and nothing in the store will move it: it has no lease, no timeout and no message in the outbox or
   *   waiting, and it has been in its status for more than a minute. A message can still be in RabbitMQ
   */
  readonly code: ExplanationCode;
  /** Human-readable sentence with the facts: the times, the queue and the author. */
  readonly text: string;
  /** Next action, for example a command. null: nothing is to be done. */
  readonly fix: string | null;
}

/** Code of a reason. See `Explanation`. */
export type ExplanationCode =
  | "UNREADABLE"
  | "REJECTED"
  | "NO_RELAY"
  | "SCHEDULED"
  | "PAUSED"
  | "NO_WORKER"
  | "LEASED"
  | "LIMITED"
  | "OVERDUE"
  | "NO_MESSAGE";

/** Operations on the workers of a store, in all processes. */
export interface WorkerOperations<D extends JobDefinition> {
  /**
   * Pauses a queue for all workers of this store, in every process, until `until` or until `resumeQueue`. Running jobs continue, and a relay continues to
   * publish.
   * - After the call has resolved, no claim for this queue succeeds: `claim` answers "paused". A repeated call of an earlier claim still returns its answer.
   * - Workers then stop consuming the queue. The messages that they fetched are published to the queue again and acknowledged, so that they use neither an
   *   attempt nor a delivery. Workers check for the end of the pause every two seconds.
   * - Repeating the call replaces `until`, `reason` and `by`.
   * - On a cluster, the call writes to every shard. If one of them fails, the call fails with UNAVAILABLE and can be repeated.
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  pauseQueue(queue: string, options?: PauseOptions): Promise<void>;
  /**
   * Ends a pause.
   * @param options.by Author, for the event of the store, 1–255 characters.
   * @returns false if the queue was not paused. @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  resumeQueue(queue: string, options?: { readonly by?: string | undefined }): Promise<boolean>;
  /** Returns the paused queues, sorted by name. A pause whose `until` has passed is not returned. @throws UNAVAILABLE */
  pausedQueues(): Promise<readonly PausedQueue[]>;

  /**
   * Returns the workers that are alive: those that sent a heartbeat during the last five heartbeat intervals, sorted by queue and start. Costs one round
   * trip, independent of the number of jobs. On a cluster, every shard has the workers that reach it, and the call fails only if no shard can be read.
   * @throws UNAVAILABLE
   */
  workers(): Promise<readonly LiveWorker[]>;
  /**
   * Heartbeat of a worker, for authors of their own workers; `createWorker` calls it. Renews the leases of the jobs that it runs, as `renewLeases` does, and
   * records for `workers`, in the same round trip, that it is alive. The record expires after `leaseMs`, so that the leases and the record of a dead worker
   * end together. With 0, both end at once: call it without jobs when the worker has closed.
   * @param leaseMs 0–31,622,400,000. `createWorker` uses five times the interval of its heartbeats
   * @returns for each job whether its lease was changed, and the pause of the worker's queue. @throws UNAVAILABLE, INVALID_ARGUMENT
   */
  announceWorker(
    worker: AnnouncedWorker<D>,
    jobs: readonly Job<D>[],
    leaseMs: number,
  ): Promise<{ readonly renewed: readonly boolean[]; readonly paused: PausedQueue | null }>;
}
