import type { input } from "zod/v4/core";
import type { ActivityReports } from "./activity.js";
import type { ClaimOptions, ClaimResult, FailRequestOptions, FailRequestResult } from "./claims.js";
import type { FieldOf, JobDefinition, Json, NextOf, StatusOf, WorkingOf } from "./definition.js";
import type { JobEvent } from "./events.js";
import type { Created, Job, JobFailure, JobToSave } from "./job.js";
import type { Outbox, OutboxMessage } from "./outbox.js";
import type { Explanation, WorkerOperations } from "./worker-operations.js";

/** Values that a status change writes together with the status. A property that is absent leaves the stored value unchanged. */
export interface Change<D extends JobDefinition> {
  /** Result of the work. It is kept until the job leaves a final status. */
  readonly result?: input<D["result"]> | undefined;
  /** Reason why the work failed. It is kept until the job leaves a final status. */
  readonly error?: JobFailure | undefined;
  /** Progress of the work. null deletes the stored progress. */
  readonly progress?: input<D["progress"]> | null | undefined;
  /** Author of the change, as named by the caller. It is stored in the history. */
  readonly by?: string | undefined;
  /** Remark. It is stored in the history. */
  readonly note?: string | undefined;
  /**
   * Name of this change, 1–128 characters. It is stored in the history. A call with the key of one of the last four changes of the job
   * writes nothing and returns the stored job, so a change whose reply was lost (UNAVAILABLE with `indeterminate: true`) can be repeated.
   */
  readonly key?: string | undefined;
  /**
   * Marks the messages that the claim of the job covers as handled, in the same step: the message of the claim, and all messages of its
   * queue that this job had stored, and that were due, when it was claimed. `claim` then answers "handled" to copies of them. No effect
   * if the job was not claimed in this run.
   */
  readonly handled?: true | undefined;
  /**
   * Gives the job a lease of so many milliseconds that no worker owns, 1–31,622,400,000 (366 days): a retry, or a postponed job. Such a
   * lease ends by the clock of the server. Only for a change to the same status. @throws INVALID_ARGUMENT if the job was not claimed
   */
  readonly leaseMs?: number | undefined;
  /** Counts a failed attempt; see `ClaimResult`. */
  readonly failedAttempt?: true | undefined;
  /** Messages to publish because of this change. They are stored in the same atomic step. See `Outbox`. */
  readonly outbox?: readonly OutboxMessage[] | undefined;
}

/**
 * Statuses to which `updateStatus` can move a job. With an id: every status. With a snapshot: the statuses that the lifecycle
 * allows next. `NextStatusOf<D, string>` is the same type as `StatusOf<D>`, but the compiler's messages list its members.
 */
export type NextStatusOf<D extends JobDefinition, T extends string | Job<D>> = [T] extends [string]
  ? { readonly [S in StatusOf<D>]: S }[StatusOf<D>]
  : NextOf<D, Exclude<T, string>["status"]>;

/** Third argument of `updateStatus`. If the job is given by its id, it can contain the expected version. */
export type ChangeOf<D extends JobDefinition, T extends string | Job<D>> = [T] extends [string]
  ? Change<D> & {
      /** Version that the stored job must have. @default any version */
      readonly ifVersion?: number | undefined;
    }
  : Change<D>;

/** Options of `create`. */
export interface CreateOptions {
  /** Id of the job, 1–128 characters of A–Z a–z 0–9 . _ - @default a UUID v7 */
  readonly id?: string | undefined;
  /** Author of the job, as named by the caller. It is stored in the history. */
  readonly by?: string | undefined;
  /** Messages to publish because the job was created. They are stored in the same atomic step. See `Outbox`. */
  readonly outbox?: readonly OutboxMessage[] | undefined;
}

/** Options of `request`. */
export interface RequestOptions<D extends JobDefinition> {
  /** Id of the job, 1–128 characters of A–Z a–z 0–9 . _ - */
  readonly id: string;
  /** Final statuses from which the job is retried. Each must lead to the initial status. @default none */
  readonly retryFrom?: readonly NextStatusOf<D, string>[] | undefined;
  /** Author of the change, as named by the caller. It is stored in the history. */
  readonly by?: string | undefined;
  /** Messages to publish if the job was created or retried. They are stored in the same atomic step. See `Outbox`. */
  readonly outbox?: readonly OutboxMessage[] | undefined;
}

/** Result of `request`. */
export interface Requested<D extends JobDefinition> {
  /** Result of the call. exists: nothing was written. */
  readonly outcome: "created" | "retried" | "exists";
  /** Job after the call. */
  readonly job: Job<D>;
}

/**
 * Store of the jobs of one definition.
 * - Every call checks its arguments before any I/O. An id that does not match the format of `create`, a limit out of range, an
 *   unknown status, an unknown option or a cursor of another query fails with INVALID_ARGUMENT.
 * - The first call fails with NEWER_FORMAT if a newer version of this package stored the jobs in a format that this version cannot read.
 *   It writes nothing. A store in use notices a newer format at its next change, list, claim or heartbeat.
 * - Every call on one job, and every page, resolves or rejects within the `timeoutMs` of the driver. A call that cannot be
 *   completed in this time fails with UNAVAILABLE.
 * - Calls on many jobs have this time for each chunk.
 * - `scan`, `audit`, `watch`, `waitFor` and `outbox.read` have no such limit as a whole. They continue for as long as the caller
 *   needs them.
 */
export interface JobStore<D extends JobDefinition> extends WorkerOperations<D>, ActivityReports<D>, AsyncDisposable {
  /** Definition of the jobs. */
  readonly definition: D;

  /**
   * Creates a job in the initial status. The call is idempotent by id: if the id exists, it writes nothing (no outbox message
   * either) and returns the stored job with `created: false`.
   * @throws INVALID_DATA, INVALID_ARGUMENT, UNAVAILABLE, UNREADABLE_RECORD (the id exists and its record cannot be read)
   */
  create(data: input<D["data"]>, options?: CreateOptions): Promise<Created<D>>;
  /**
   * Creates many jobs. Each job is created atomically, and succeeds or fails independently of the others with the errors of
   * `create`. The results have the order of `jobs`.
   * @throws INVALID_ARGUMENT if `jobs` is not an array of objects
   */
  createMany(
    jobs: readonly ({ readonly data: input<D["data"]> } & CreateOptions)[],
  ): Promise<readonly PromiseSettledResult<Created<D>>[]>;

  /**
   * Creates a job, or retries the existing one, in one atomic step. Use it for requests that can arrive more than once.
   * - No job has this id: creates it, like `create` ("created").
   * - The job is in one of `retryFrom`: moves it to the initial status, with the messages of `outbox`, and starts the next attempt
   *   ("retried"). The stored data is kept.
   * - Otherwise: writes nothing and returns the job ("exists").
   * @throws INVALID_DATA, INVALID_ARGUMENT, UNAVAILABLE, UNREADABLE_RECORD (with `committed: true` if the change was made and only the
   *   stored data does not match the schema)
   */
  request(data: input<D["data"]>, options: RequestOptions<D>): Promise<Requested<D>>;

  /**
   * Writes a whole job as given, for imports and corrections. Any status is allowed, transitions are not checked, and the job
   * keeps its own times and history.
   * - If the job exists, its stored version must equal `job.version`. The new version is one higher.
   * - If the job does not exist, it is stored with the version given in `job`.
   * - `leasedUntil` is ignored, and can be absent.
   * - The TTL counts from `job.statusAt`. A job that has already expired is rejected with INVALID_ARGUMENT.
   * @throws CONFLICT, INVALID_DATA, INVALID_ARGUMENT, UNAVAILABLE, UNREADABLE_RECORD
   */
  save(job: Job<D> | JobToSave<D>): Promise<Job<D>>;

  /** Returns the job, or null if it does not exist or has expired. @throws UNREADABLE_RECORD, UNAVAILABLE */
  get(id: string): Promise<Job<D> | null>;
  /**
   * Returns the jobs in the order of `ids`, with null for each job that does not exist.
   * @throws UNREADABLE_RECORD with the id of the job in `jobId`; UNAVAILABLE
   */
  getMany(ids: readonly string[]): Promise<readonly (Job<D> | null)[]>;

  /**
   * Moves a job to another status, atomically and in one round trip.
   * - With an id, only the lifecycle decides if the job can change from its stored status to `to`.
   * - With a snapshot, the stored job must also be the same job (same `createdAt`) and have the version of the snapshot. A transition that
   *   the lifecycle forbids does not compile. If the compiler does not know the status of the snapshot, pass the id and `ifVersion` instead.
   * - A given version (`ifVersion`, or the version of the snapshot) is compared before the lifecycle. If it differs, the call fails with
   *   CONFLICT.
   * - If the job is already in `to`, and `to` does not list itself in `next`, the call writes nothing and returns the stored job (a
   *   duplicate delivery; the first write is kept).
   * - Leaving a final status clears result, error and progress and starts the next attempt.
   * - The TTL of `to` always replaces the previous TTL.
   * - The call never creates a job and never restores a job that was deleted or has expired.
   * @throws NOT_FOUND, ILLEGAL_TRANSITION (`from`, `to`), CONFLICT, INVALID_DATA, UNAVAILABLE, UNREADABLE_RECORD (with
   *   `committed: true` if the change was made and only the stored data does not match the schema)
   */
  updateStatus<T extends string | Job<D>, To extends NextStatusOf<D, T>>(
    target: T,
    to: To,
    change?: ChangeOf<D, T>,
  ): Promise<Job<D, To>>;

  /**
   * Stores progress. Status, history and version stay unchanged. The call is rejected in a final status (ILLEGAL_TRANSITION).
   * With a snapshot, it is also rejected if the version has changed (CONFLICT), so a worker that was replaced cannot write.
   * @throws NOT_FOUND, CONFLICT, ILLEGAL_TRANSITION, INVALID_DATA, UNAVAILABLE, UNREADABLE_RECORD
   */
  updateProgress(target: string | Job<D>, progress: input<D["progress"]>): Promise<void>;

  /**
   * Moves a job from a status in `from`, or from `to` itself, to `to`, gives the caller a lease of `leaseMs`, and stores `message` with
   * it. One atomic step. The version grows by one, so a previous owner can store nothing any more.
   * - When the lease ends without a change of the status, the store puts the message into the outbox again.
   * - A lease of a worker counts only time in which the store was reachable: a gap of more than five seconds between two contacts of
   *   workers and relays (`claim`, `renewLeases`, `outbox.read`) does not count.
   * - A repeated call with the same `key` returns the same answer and renews the lease, as long as the job has the version of that claim.
   *   Otherwise the call is decided again.
   * @throws UNAVAILABLE, UNREADABLE_RECORD, INVALID_ARGUMENT
   */
  claim<W extends WorkingOf<D>>(id: string, to: W, options: ClaimOptions<D, W>): Promise<ClaimResult<D, W>>;
  /**
   * Fails a job that a message requested and that no worker can process, because the message cannot be read or was dead-lettered. One step
   * moves the job to `working` and then to `to`: two versions and two history entries. The answers are those of `claim`, except:
   * - A message without an origin of this job is "outdated".
   * - A message is "handled" if its queue claimed the job, or another message of its queue was stored for the job, after this message was
   *   stored and due.
   * - Nothing is remembered. A repeated call after a lost reply answers "moved".
   * @throws UNAVAILABLE, UNREADABLE_RECORD, INVALID_ARGUMENT
   */
  failRequest(id: string, to: StatusOf<D>, options: FailRequestOptions<D>): Promise<FailRequestResult<D>>;
  /**
   * Sets the leases of these jobs to end `leaseMs` from now; 0 ends them at once. One call for any number of jobs. Jobs that have another
   * version are skipped. A lease that ended at its time is given again if no worker claimed the job since, and cannot be ended any more; a
   * lease that was ended with 0 is not given again. A lease that no worker owns can only be ended. Changes no version, and emits no event.
   * @param leaseMs 0–31,622,400,000
   * @returns for each job whether its lease was changed. @throws UNAVAILABLE, INVALID_ARGUMENT
   */
  renewLeases(jobs: readonly Job<D>[], leaseMs: number): Promise<readonly boolean[]>;

  /**
   * Deletes a job and its index entries in one step. With an id, it also deletes a record that cannot be read.
   * @returns false if the job does not exist
   * @throws UNAVAILABLE; with a snapshot also CONFLICT, UNREADABLE_RECORD
   */
  delete(target: string | Job<D>): Promise<boolean>;
  /**
   * Deletes many jobs, each of them atomically.
   * @returns number of jobs that existed. @throws UNAVAILABLE; some of the jobs may have been deleted
   */
  deleteMany(ids: readonly string[]): Promise<number>;

  /**
   * Returns a page of jobs. Without `status`, jobs are ordered by creation time. With one or several statuses, they are ordered
   * by the time at which they entered the status. With `where`, the page contains only jobs that have this value in this index
   * field. It does not contain jobs that were created or last saved by a service that does not declare the field.
   *
   * The cost depends on `limit`, not on the number of stored jobs. After a mass expiry, a page can also cost a bounded amount of
   * cleanup. It can then contain fewer than `limit` jobs although more follow: only an absent `cursor` marks the last page.
   * Expired jobs never appear.
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  list<S extends NextStatusOf<D, string> = NextStatusOf<D, string>>(query?: ListQuery<D, S>): Promise<Page<D, S>>;
  /**
   * Iterates over all jobs that match, page by page (`limit` is the size of a page). Without `status`, a job that exists during
   * the whole scan is returned exactly once, whatever happens to it during the scan. With `status`, the same holds for a job that
   * stays in its status (without re-entry) during the whole scan.
   *
   * The scan ends without an error when `signal` aborts. `break` and `return()` take effect at once, even while a page is pending.
   * @param query.signal Ends the scan without an error.
   * @throws UNREADABLE_RECORD at the first record that cannot be read (`list` returns such records in `unreadable`); UNAVAILABLE
   */
  scan<S extends NextStatusOf<D, string> = NextStatusOf<D, string>>(
    query?: Omit<ListQuery<D, S>, "cursor"> & { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<Job<D, S>>;
  /**
   * Returns the exact number of jobs in each status. Expired jobs are not counted. With `where` (one index field), counts only jobs that
   * have this value, for example the children of one parent, under the conditions of `list`. The cost does not depend on the number of
   * jobs.
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  counts(query?: CountsQuery<D>): Promise<Readonly<Record<StatusOf<D>, number>>>;

  /**
   * Streams changes as they are committed. With an id, it streams the changes of this job and begins with a `snapshot` event; the
   * snapshot is null if the job does not exist yet. Without an id, it streams the changes of all jobs, from now on or after the
   * event whose cursor is `after`.
   * - Events of one job arrive in commit order. There is no order between jobs of different shards.
   * - All watchers of the store share one connection per shard.
   * - The expiry of a job emits no event.
   * - The stream continues after a reconnect, also while it reads earlier events. It emits `resync` if events were lost, if this
   *   consumer fell too far behind, or if Redis was restored with older data. Read the jobs again then.
   * - The stream ends without an error when `signal` aborts or the store closes. `break`, and `return()` of its iterator, take
   *   effect at once, even while it waits for an event. An async generator that wraps the stream has no such `return()`: end it
   *   with `signal`.
   * @param target.after Cursor of an event: the stream of all jobs continues after this event. @default from now on
   * @param options.signal Ends the stream without an error.
   * @throws INVALID_ARGUMENT; before the first event also UNAVAILABLE, UNREADABLE_RECORD, CLOSED
   */
  watch(
    target?: string | { readonly after?: string | undefined },
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<JobEvent<D>>;
  /**
   * Resolves with the job when it is in one of the statuses in `until`. A status that the job entered and left again during the
   * call also counts; the returned job can then be in a later status.
   * @param options.until Statuses to wait for. @default every final status
   * @param options.timeoutMs Time limit in milliseconds, 0–2,147,483,647. @default no limit
   * @param options.signal Ends the call, which then rejects with the reason of the signal.
   * @throws TIMEOUT; NOT_FOUND (never created, deleted or expired); UNAVAILABLE; CLOSED; `signal.reason` if the signal aborts
   */
  waitFor(
    id: string,
    options?: {
      readonly until?: readonly NextStatusOf<D, string>[] | undefined;
      readonly timeoutMs?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<Job<D>>;

  /**
   * Explains why a job does not move, as a list of reasons in the order of importance. It is empty if nothing is wrong. Reads only, in a
   * bounded number of calls: it searches the oldest 1,000 messages of each kind in the outbox.
   * @returns null if the job does not exist. @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  explain(id: string): Promise<readonly Explanation[] | null>;

  /** Messages that were stored together with a change and are not published yet. */
  readonly outbox: Outbox;

  /**
   * Reports the health of the store. Never throws, and returns within `timeoutMs`. With an unknown option, or a `timeoutMs` out
   * of range, the status is `unhealthy` and the error names the reason.
   * @param options.timeoutMs Time limit in milliseconds, 1–60,000. @default 2000
   */
  health(options?: { readonly timeoutMs?: number | undefined }): Promise<Health>;
  /**
   * Compares the indexes with the jobs and, with `repair`, repairs the indexes. Run it after keys were evicted, deleted or
   * restored from a backup, and to index jobs that are older than an index field.
   * - The record of a job decides: the job gets the index entries and the expiry of its record. If its TTL has ended, it is deleted.
   * - The audit reads a few jobs at a time and blocks no other call. A job that changes during the audit is compared again.
   * - `onEvent` receives an event if something was repaired.
   * - On Redis, the audit requires permissions of its own: `redisPermissions({ audit: true })`.
   * @param options.repair True: also repairs the indexes. @default false
   * @throws UNAVAILABLE (some index entries may have been repaired; run the audit again), INVALID_ARGUMENT, CLOSED
   */
  audit(options?: { readonly repair?: boolean | undefined }): Promise<AuditReport>;
  /** Waits for calls in flight, then releases everything that the store opened. Later calls fail with CLOSED. */
  close(): Promise<void>;
}

/** Store of any definition, for code that needs only `health`, `outbox`, `close` and `delete`. */
export type AnyJobStore = Pick<JobStore<JobDefinition>, "health" | "outbox" | "close" | "delete">;

/** Filter by one index field and its value, for example `{ language: "es" }`. */
export type Where<D extends JobDefinition> = {
  [F in FieldOf<D>]: { readonly [K in F]: string } & { readonly [K in Exclude<FieldOf<D>, F>]?: undefined };
}[FieldOf<D>];

/** Filter and order of a list of jobs. */
export interface ListQuery<D extends JobDefinition, S extends StatusOf<D> = StatusOf<D>> {
  /** Status, or statuses, of the jobs. @default all jobs, ordered by creation time */
  readonly status?: S | readonly S[] | undefined;
  /** Index field and the value that the jobs must have in it. */
  readonly where?: Where<D> | undefined;
  /**
   * Sort order, "newest" or "oldest" first. Jobs are ordered by the time at which they entered the status, or by creation if no status is given. Jobs of the same
   * millisecond are ordered by id. @default "newest"
   */
  readonly order?: "newest" | "oldest" | undefined;
  /** Lower bound (exclusive) of the time that orders the list. */
  readonly after?: Date | undefined;
  /** Upper bound (exclusive) of the same time. */
  readonly before?: Date | undefined;
  /** Maximum number of jobs on the page, 1–1,000. @default 50 */
  readonly limit?: number | undefined;
  /** Opaque cursor from the previous page of the same query. Only `limit` can differ. */
  readonly cursor?: string | undefined;
}

/** Filter of `counts`. */
export interface CountsQuery<D extends JobDefinition> {
  /** Index field and the value that the jobs must have in it. @default all jobs */
  readonly where?: Where<D> | undefined;
}

/** Page of a list of jobs. */
export interface Page<D extends JobDefinition, S extends StatusOf<D> = StatusOf<D>> {
  /** Jobs in the requested order. */
  readonly items: readonly Job<D, S>[];
  /** Cursor of the next page. Absent on the last page. */
  readonly cursor?: string;
  /** Records that could not be read. They do not make the page fail. */
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
}

/** Result of `health`. */
export interface Health {
  /** State of the store. degraded: some calls succeed, but writes fail. unhealthy: all calls fail. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** Name of the driver, for example "redis" or "memory". */
  readonly driver: string;
  /** Duration of one round trip, in milliseconds. null: no round trip was completed. */
  readonly latencyMs: number | null;
  /**
   * Details of the server. For Redis: reachable, readable, writable, version, mode, role, usedMemoryBytes, maxMemoryBytes,
   * evictionPolicy, persistence; and `unseen`, the commands that the user is not allowed to run, if there are any. Never contains
   * a password.
   */
  readonly details: Readonly<Record<string, Json>>;
  /**
   * Human-readable warnings, for example about an eviction policy that can delete jobs, about disabled persistence, about
   * rejected outbox entries, or about paused queues. They do not change the status.
   */
  readonly warnings: readonly string[];
  /** Reason why the store is not healthy. */
  readonly error?: string;
}

/** Result of `audit`. */
export interface AuditReport {
  /**
   * Number of jobs that were compared, unreadable records included. A job can be counted twice if Redis rehashes its keys or the
   * connection is lost during the audit.
   */
  readonly jobs: number;
  /** Number of jobs that have no index entry, or a wrong one, in the indexes of statuses, creation times and index fields. */
  readonly missingFromIndex: number;
  /** Number of index entries without a job. Entries of jobs that have just expired are not counted. */
  readonly staleInIndex: number;
  /**
   * Number of records that cannot be read. They are not changed, and neither are records in a form that only a newer version can read, which
   * are not counted here. `list` returns those that are in the indexes in `unreadable`.
   */
  readonly unreadable: number;
  /** Number of missing and stale entries that were repaired. */
  readonly repaired: number;
}
