import type {
  Change,
  FieldOf,
  FromOf,
  Job,
  JobDefinition,
  JobStore,
  KeyLimit,
  NextOf,
  ProgressOf,
  StatusOf,
} from "@subtitles/job-store";
import type { input, output } from "zod/v4/core";
import type { QueueDefinition } from "../definition.js";
import type { Broker, Message } from "../types.js";

/** Statuses that an outcome can name: those that follow `W`, without `W` itself. */
export type ToOf<D extends JobDefinition, W extends StatusOf<D>> = Exclude<NextOf<D, W>, W>;
/** Argument of `progress`; null if the definition has no progress schema. */
export type ProgressInput<D extends JobDefinition> = [ProgressOf<D>] extends [null] ? null : input<D["progress"]>;

/** Options of `createWorker`. */
export interface WorkerOptions<D extends JobDefinition, Q extends QueueDefinition, W extends StatusOf<D>> {
  /** Store of the jobs. */
  readonly store: JobStore<D>;
  /** Broker that delivers the messages. */
  readonly broker: Broker;
  /** Queue to consume. */
  readonly queue: Q;
  /** Statuses in which jobs wait for this worker; at least one. `working` is always included and need not be listed. */
  readonly from: FromOf<D, W> | readonly [FromOf<D, W>, ...FromOf<D, W>[]];
  /** Status of a job while this worker runs it. It must not be final, and must list itself in `next`. */
  readonly working: W;
  /**
   * Called before a job is claimed from a status in `from`. Return false if the job cannot start yet: the message is acknowledged and the job stays unchanged,
   * so whatever the job waits for must send another message. The answer counts only if the job still has the version that `ready` saw; otherwise `ready` is
   * called again. If it throws, the job is claimed and the error counts as thrown by `run`. @default always ready
   */
  readonly ready?: ((job: Job<D, Exclude<FromOf<D, W>, W>>) => Promise<boolean>) | undefined;
  /** Does the work and returns the outcome. It must not change the status of its own job: any such change, by any caller, ends the lease. */
  readonly run: (job: Job<D, W>, context: WorkerContext<D, Q>) => Promise<Outcome<D, W>>;
  /** Maximum number of jobs that run at the same time, 1–65,535. @default 1 */
  readonly concurrency?: number | undefined;
  /**
   * Maximum number of unacknowledged messages in this worker, `concurrency` to 65,535. Four times `concurrency` raises the throughput of short jobs. Messages
   * fetched ahead are not claimed, but they are not available to other workers. @default concurrency
   */
  readonly prefetch?: number | undefined;
  /** Time limit of `run` in milliseconds, not counting time spent waiting for the store. Without it, work that never settles is never replaced. @default none */
  readonly timeoutMs?: number | undefined;
  /**
   * Milliseconds between two heartbeats; one store call renews the leases of all running jobs. The worker notices a cancelled job within one heartbeat. The
   * job of a dead worker is sent again after five. 100–600,000; below 1,500, an outage of less than five seconds can end leases. @default 3_000
   */
  readonly heartbeatMs?: number | undefined;
  /** Milliseconds between two searches for messages that RabbitMQ dead-lettered by itself, 1,000–86,400,000; 0: never. @default 60_000 */
  readonly recoverEveryMs?: number | undefined;
  /**
   * Maximum number of jobs with the same value of an `index` field that run at the same time, in all workers of the store that name this field. Jobs without a
   * value are not limited. Only leases that a worker owns count. So a failed attempt, `RetryLater` and a crashed worker free their place. A job whose lease is
   * given again continues, even if this exceeds `max`. Each claim compares with its own `max`. A job above the limit waits in the store: it uses no attempt and no
   * slot, and no message circulates. The timeout of its status counts while it waits. The store must not be sharded, because the jobs of one key would be in
   * several shards. @default no limit
   */
  readonly limit?: KeyLimit<FieldOf<D>> | undefined;
  /** Name of this worker in the history of jobs, 1–255 characters. @default `<queue>@<host>/<pid>` */
  readonly by?: string | undefined;
  /** Release of the service, shown by `JobStore.workers`, 1–255 characters. @default none */
  readonly version?: string | undefined;
  /** Receives events for logs and metrics. Errors and rejections of this function are ignored. */
  readonly onEvent?: ((event: WorkerEvent) => void) | undefined;
}

/** Option `jobId` of `createWorker`. It is required if the payload has no string `jobId`. */
export type JobIdOption<Q extends QueueDefinition> =
  output<Q["payload"]> extends { readonly jobId: string }
    ? {
        /** Returns the id of the job that a message names. Required if the payload has no string `jobId`. @default `payload.jobId` */
        readonly jobId?: ((payload: output<Q["payload"]>) => string) | undefined;
      }
    : { readonly jobId: (payload: output<Q["payload"]>) => string };

/** Option `failed` of `createWorker`. It is required if `working` does not lead to a status "failed". */
export type FailedOption<D extends JobDefinition, W extends StatusOf<D>> =
  "failed" extends ToOf<D, W>
    ? {
        /** Status of a failed job. It must be final. Required if `working` does not lead to a status "failed". @default "failed" */
        readonly failed?: ToOf<D, W> | undefined;
      }
    : { readonly failed: ToOf<D, W> };

/**
 * Second argument of `run`. Take its members by name: `signal`, `closing`, `progress` and `checkpoint` are created when they are read, so a copy
 * made with spread syntax lacks them.
 */
export interface WorkerContext<D extends JobDefinition, Q extends QueueDefinition> {
  /**
   * Aborts when the outcome can no longer be used. Pass it to every call that accepts a signal. Its reason is a JobStoreError CONFLICT or NOT_FOUND (the
   * job was cancelled, deleted or claimed by another worker), a QueueError TIMEOUT (`timeoutMs`) or CLOSED (the worker closes and the grace period is
   * over). A lost RabbitMQ connection does not abort it. The worker still stores an outcome that arrives within 5 seconds after TIMEOUT or 1 second
   * after CLOSED. If `run` has not settled by then, the attempt counts as failed (TIMEOUT) or the lease ends and the job is sent again (CLOSED). The slot
   * stays occupied until `run` settles; what it returns then is ignored.
   */
  readonly signal: AbortSignal;
  /** Aborts when `close` begins, before the grace period. Long work can store a checkpoint and throw `RetryLater`. Its outcome is stored as usual. */
  readonly closing: AbortSignal;
  /**
   * Reports progress. Returns immediately and can be called at any rate: the worker writes the newest value every 250 ms. A refused value is reported
   * as an event and does not fail the job.
   */
  readonly progress: (progress: ProgressInput<D>) => void;
  /**
   * Stores progress and resolves when it is stored. The next attempt receives it as `job.progress`. Waits while the store is unavailable.
   * @throws signal.reason; JobStoreError INVALID_DATA
   */
  readonly checkpoint: (progress: ProgressInput<D>) => Promise<void>;
  /** Message that requested the job. */
  readonly message: Message<Q>;
  /** Number of this attempt, from 1: failed attempts since the job changed into `working`, plus one. Neither `RetryLater` nor a lost worker counts. */
  readonly attempt: number;
  /** True if no retry is left: an error other than `RetryLater` now fails the job. */
  readonly lastAttempt: boolean;
}

/**
 * Next status of the job and what to store with it. A job that waits for an external event gets a status of its own, listed in `from` of the worker that
 * continues.
 */
export type Outcome<D extends JobDefinition, W extends StatusOf<D>> = { readonly to: ToOf<D, W> } & Omit<
  Change<D>,
  "by" | "key" | "handled" | "leaseMs" | "failedAttempt"
>;

/** Running worker. Made by `createWorker`. */
export interface Worker extends AsyncDisposable {
  /**
   * For readiness checks. "waiting": the store or the broker is unavailable, or the queue cannot be consumed. "paused": by `pause`, or by
   * `JobStore.pauseQueue` for all workers.
   */
  readonly state: "running" | "waiting" | "paused" | "closed";
  /** Number of jobs that run now. */
  readonly active: number;
  /**
   * Stops consuming in this worker; messages that were only fetched ahead are returned as by `close`. Running jobs continue. Use it when a provider is down or
   * limits requests.
   */
  pause(): void;
  /** Consumes again after `pause`. */
  resume(): void;
  /**
   * Resolves when this worker runs nothing and the queue has no ready message. Delayed messages are not waited for. For tests and batch jobs.
   * @param options.signal Ends the wait, which then rejects with the reason of the signal.
   * @throws signal.reason
   */
  idle(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Stops claiming jobs, lets running work finish and its outcomes be stored for `graceMs` (@default 10_000), then aborts the rest and ends the leases of its
   * jobs, so that the store sends their messages again at once. No attempt is used, and no ended lease is counted. Messages that were only fetched ahead
   * are published to the queue again and acknowledged, so that they use no delivery of the queue's limit; if that fails, they return to the queue. Always
   * settles, at most four seconds after `graceMs`. Close workers before relay, broker and store. If the broker was closed first, running work ends as
   * described; if the store was closed first, the worker stops consuming at once. Both cases are reported as an event.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** Event of a worker, for logs and metrics. */
export interface WorkerEvent {
  /**
   * Type of the event:
   * - started: a job was claimed, and `run` was called
   * - done, failed, postponed: an outcome, a failure or a `RetryLater` was stored
   * - retrying: an attempt failed, and the next one is scheduled
   * - lost: another caller changed the job, so this worker stores nothing. `to`, `version` and `changedBy` describe the change
   * - blocked: the event loop of this process was blocked for longer than a heartbeat (`blockedMs`)
   * - stuck: `run` ignores its aborted signal and occupies a slot. This event is repeated every minute
   * - skipped: a message was acknowledged without work, for the given `reason`
   * - unavailable, available: the store or the broker is unavailable, or available again
   * - paused, resumed: the queue is paused for all workers, or no longer; see `JobStore.pauseQueue`
   * - recovered: a message that RabbitMQ had dead-lettered itself was processed
   * - error: an unexpected problem that needs attention
   */
  readonly type:
    | "started"
    | "done"
    | "failed"
    | "postponed"
    | "retrying"
    | "lost"
    | "blocked"
    | "stuck"
    | "skipped"
    | "unavailable"
    | "available"
    | "paused"
    | "resumed"
    | "recovered"
    | "error";
  /** Human-readable text without payload. */
  readonly message: string;
  /** Id of the job, if the event belongs to one. */
  readonly jobId?: string;
  /** Id of the message, if the event belongs to one. */
  readonly messageId?: string;
  /** Number of the attempt, if the event belongs to a run of the job. */
  readonly attempt?: number;
  /** Reason of a `skipped` event: an answer of `JobStore.claim`, or "not ready" if `ready` returned false. */
  readonly reason?: "outdated" | "handled" | "missing" | "moved" | "leased" | "limited" | "not ready";
  /** New status of the job, in the events `done`, `failed`, `postponed` and `lost`. */
  readonly to?: string;
  /** Version of the job after the change, in the event `lost`. */
  readonly version?: number;
  /** Author of the change, in the event `lost`. */
  readonly changedBy?: string;
  /** Longest time for which the event loop of this process was blocked since the last heartbeat, in the events `blocked` and `lost`. */
  readonly blockedMs?: number;
  /** Duration of `run`, in the events `done`, `failed`, `postponed`, `retrying` and `lost`. */
  readonly runMs?: number;
  /** Thrown value, unchanged and not redacted. */
  readonly error?: unknown;
}
