import type { input } from "zod/v4/core";
import type { FieldOf, JobDefinition, Json, NextOf, ProgressOf, StatusOf } from "./definition.js";
import type { Created, Job, JobFailure } from "./job.js";
import type { Outbox, OutboxMessage } from "./outbox.js";

/** What a status change writes besides the status. What is left out stays as it is. */
export interface Change<D extends JobDefinition> {
  /** What the work produced, as the definition's `result` has it; INVALID_DATA where that refuses it. */
  readonly result?: input<D["result"]> | undefined;
  /** Why the work failed. Like `result`, kept until the job leaves a final status. */
  readonly error?: JobFailure | undefined;
  /** null clears it. */
  readonly progress?: input<D["progress"]> | null | undefined;
  /** Who makes the change; kept in the history. */
  readonly by?: string | undefined;
  /** A remark; kept in the history. */
  readonly note?: string | undefined;
  /**
   * A name of this one change, 1–128 characters; kept in the history. Whoever got no answer (UNAVAILABLE, indeterminate)
   * can look there whether the change was made.
   */
  readonly key?: string | undefined;
  /** Messages to publish because of this change: stored in the same atomic step. See `Outbox`. */
  readonly outbox?: readonly OutboxMessage[] | undefined;
}

/**
 * Statuses to which `updateStatus` may move a job. If the job is given by its id: every status. If it is given by a
 * snapshot: those that the lifecycle allows next. `NextStatusOf<D, string>` is the same type as `StatusOf<D>`, but the compiler's
 * messages list its members.
 */
export type NextStatusOf<D extends JobDefinition, T extends string | Job<D>> = [T] extends [string]
  ? { readonly [S in StatusOf<D>]: S }[StatusOf<D>]
  : NextOf<D, Exclude<T, string>["status"]>;

/** What `updateStatus` writes: a job that is known by its id alone may be held to a version. */
export type ChangeOf<D extends JobDefinition, T extends string | Job<D>> = [T] extends [string]
  ? Change<D> & {
      /** The version that must be stored. @default any */
      readonly ifVersion?: number | undefined;
    }
  : Change<D>;

/** How a job is created besides its data. */
export interface CreateOptions {
  /** 1–128 of A–Z a–z 0–9 . _ - ; a UUID v7 when absent. */
  readonly id?: string | undefined;
  /** Who creates the job; kept in the history. */
  readonly by?: string | undefined;
  /** Messages to publish because the job was created: stored in the same atomic step. See `Outbox`. */
  readonly outbox?: readonly OutboxMessage[] | undefined;
}

/**
 * Every call checks its arguments before any I/O: an id outside the alphabet of `create`, a limit out of range, an
 * unknown status, a foreign cursor or an unknown option is INVALID_ARGUMENT. Every call on one job, and every page, settles within the
 * driver's `timeoutMs`, if need be with UNAVAILABLE; calls on many have that time per chunk; scan, audit, watch, waitFor
 * and outbox.read go on as long as they are wanted.
 */
export interface JobStore<D extends JobDefinition> extends AsyncDisposable {
  /** The one that the store was created with. */
  readonly definition: D;

  /**
   * Creates a job in the initial status. Idempotent by id: where the id exists, nothing is written (no outbox message
   * either) and the stored job comes back with `created: false`.
   * @throws INVALID_DATA, INVALID_ARGUMENT, UNAVAILABLE, UNREADABLE_RECORD (the id exists and cannot be read)
   */
  create(data: input<D["data"]>, options?: CreateOptions): Promise<Created<D>>;
  /**
   * Each job atomic by itself, settled by itself, in the order given: a rejected one has the error of `create`.
   * @throws INVALID_ARGUMENT where `jobs` is no list
   */
  createMany(
    jobs: readonly ({ readonly data: input<D["data"]> } & CreateOptions)[],
  ): Promise<readonly PromiseSettledResult<Created<D>>[]>;

  /**
   * Writes a whole job as given (imports, corrections): any status, no transition guard, its own times and history.
   * Where the job exists, its version must equal `job.version` and the stored version is one higher; where it does not,
   * it is stored as given. The TTL runs from `job.statusAt`; a job whose time is over is refused (INVALID_ARGUMENT).
   * @throws CONFLICT, INVALID_DATA, INVALID_ARGUMENT, UNAVAILABLE, UNREADABLE_RECORD
   */
  save(job: Job<D>): Promise<Job<D>>;

  /** A job as it stands. @returns null when absent or expired. @throws UNREADABLE_RECORD, UNAVAILABLE */
  get(id: string): Promise<Job<D> | null>;
  /** In the order of `ids`, null for each that is absent. @throws UNREADABLE_RECORD naming the id */
  getMany(ids: readonly string[]): Promise<readonly (Job<D> | null)[]>;

  /**
   * Moves a job to another status, atomically, in one round trip.
   * By id: from whatever status the job is in, as far as the lifecycle allows. By snapshot: besides, the stored job must
   * be the same one (its `createdAt`) at the snapshot's version, and a step that the lifecycle forbids does not compile.
   * A snapshot whose status is not known to the compiler (`to` would have to be `never`) goes by id with `ifVersion`.
   * - A version that was given is compared first.
   * - `to` equal to the stored status and not in its own `next`: nothing is written and the stored job comes back (a
   *   duplicate delivery; the first write stands).
   * - Leaving a final status clears result, error and progress and starts the next attempt.
   * - The TTL always becomes that of `to`.
   * - A job is never created or revived by this call.
   * @throws NOT_FOUND, ILLEGAL_TRANSITION (`from`, `to`), CONFLICT, INVALID_DATA, UNAVAILABLE, UNREADABLE_RECORD (with
   *   `committed: true` where the change was made and only the stored data does not fit the schema)
   */
  updateStatus<T extends string | Job<D>, To extends NextStatusOf<D, T>>(
    target: T,
    to: To,
    change?: ChangeOf<D, T>,
  ): Promise<Job<D, To>>;

  /**
   * Records progress: no status change, no history, no new version. Refused in a final status, and, by snapshot, when
   * the version has moved on (a worker that was replaced cannot write).
   * @throws NOT_FOUND, CONFLICT, ILLEGAL_TRANSITION, INVALID_DATA, UNAVAILABLE, UNREADABLE_RECORD
   */
  updateProgress(target: string | Job<D>, progress: input<D["progress"]>): Promise<void>;

  /**
   * Removes a job and its index entries in one step; an unreadable one too, by id.
   * @returns false when there was no such job. @throws UNAVAILABLE; by snapshot: CONFLICT, UNREADABLE_RECORD
   */
  delete(target: string | Job<D>): Promise<boolean>;
  /** Removes many, each in a step of its own. @returns how many there were. @throws UNAVAILABLE: some may be gone */
  deleteMany(ids: readonly string[]): Promise<number>;

  /**
   * A page of jobs. Without `status`: by creation. With one or several: by when they entered it. With `where`: only those
   * that have this value in this field of the definition's `index`.
   * Cost grows with `limit`, not with how many jobs are stored; after a mass expiry a page may pay for a bounded amount
   * of cleaning, and may then hold fewer than `limit` jobs although more follow: go by `cursor`. Expired jobs never appear.
   * Nor does a job under a field that the service which created or last saved it did not declare.
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  list<S extends NextStatusOf<D, string> = NextStatusOf<D, string>>(query?: ListQuery<D, S>): Promise<Page<D, S>>;
  /**
   * Every job that matches, page by page (`limit` is the size of a page). Without `status`, a job present throughout is
   * seen exactly once whatever happens to it meanwhile; with `status`, one that stayed in it throughout is.
   * Ends without an error when `signal` aborts. `break` and `return()` take effect at once, even while a page is pending.
   * @throws UNREADABLE_RECORD at the first record that cannot be read; `list` reports such records beside the good ones
   */
  scan<S extends NextStatusOf<D, string> = NextStatusOf<D, string>>(
    query?: Omit<ListQuery<D, S>, "cursor"> & { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<Job<D, S>>;
  /** Jobs by status. Exact, expired jobs not counted. */
  counts(): Promise<Readonly<Record<StatusOf<D>, number>>>;

  /**
   * Live changes, in commit order per job, over one connection that all watchers of this store share. With an id: begins
   * with a `snapshot` event (null: no such job yet), then every change of that job; otherwise changes of all jobs, from
   * now on or from after the event whose `cursor` is given. Expiry makes no event. Survives reconnects, also while it reads
   * the events after that cursor. If events were lost, this consumer fell too far behind, or Redis came back with older data,
   * it emits `resync`: read the jobs again then. Ends, without an error, when `signal` aborts or the store closes.
   * `break`, and `return()` of its iterator, take effect at once, even while it waits for an event. An async generator that
   * wraps it does not have such a `return()`: end that one with `signal`.
   * @throws INVALID_ARGUMENT; and, before the first event, UNAVAILABLE, UNREADABLE_RECORD, CLOSED
   */
  watch(
    target?: string | { readonly after?: string | undefined },
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<JobEvent<D>>;
  /**
   * Resolves when the job is in one of `until`, with the job as it is then; one that passed through such a status while
   * this waited counts, though it may have moved on.
   * @param options.until @default every final status
   * @param options.timeoutMs 0–2,147,483,647. @default no limit
   * @throws TIMEOUT; NOT_FOUND (never there, deleted or expired); UNAVAILABLE; `signal.reason` when that aborts; CLOSED
   */
  waitFor(
    id: string,
    options?: {
      readonly until?: readonly NextStatusOf<D, string>[] | undefined;
      readonly timeoutMs?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<Job<D>>;

  /** Messages stored together with a change and not yet published. */
  readonly outbox: Outbox;

  /**
   * Reports the health of the store. Never throws, and returns within `timeoutMs`. With an unknown option, or a `timeoutMs` out
   * of range, the status is `unhealthy` and the error names the reason.
   * @param options.timeoutMs 1–60,000. @default 2000
   */
  health(options?: { readonly timeoutMs?: number | undefined }): Promise<Health>;
  /**
   * Compares the indexes with the jobs and, with `repair`, mends them: after keys were evicted, deleted or restored behind
   * the store's back, and to find jobs by a field that the definition has declared since they were created. What a record
   * says is right: a job gets its places and its time to live back, and is forgotten where that time is over.
   * Goes through the jobs a few at a time while other calls go on; what changes meanwhile is looked at again. Told to
   * `onEvent` where something was mended. On Redis it takes permissions of its own: `redisPermissions({ audit: true })`.
   * @param options.repair @default false: only counts
   * @throws UNAVAILABLE: some may be mended, and another audit does the rest; INVALID_ARGUMENT; CLOSED
   */
  audit(options?: { readonly repair?: boolean | undefined }): Promise<AuditReport>;
  /** Waits for calls in flight, then releases what the store opened. Later calls: CLOSED. */
  close(): Promise<void>;
}

/** For code that serves stores of any definition: health, outbox, delete, close. */
export type AnyJobStore = Pick<JobStore<JobDefinition>, "health" | "outbox" | "close" | "delete">;

/** One field of the definition's `index`, and the value to be found there: `{ language: "es" }`. */
export type Where<D extends JobDefinition> = {
  [F in FieldOf<D>]: { readonly [K in F]: string } & { readonly [K in Exclude<FieldOf<D>, F>]?: undefined };
}[FieldOf<D>];

/** Which jobs a page shows, and in which order. */
export interface ListQuery<D extends JobDefinition, S extends StatusOf<D> = StatusOf<D>> {
  /** Only jobs in this status, or in one of these. @default all jobs, ordered by creation */
  readonly status?: S | readonly S[] | undefined;
  /** Only jobs with this value in this field, one that the definition's `index` declares. */
  readonly where?: Where<D> | undefined;
  /** By entering the status, or by creation where none is given; jobs of one millisecond by id. @default "newest" */
  readonly order?: "newest" | "oldest" | undefined;
  /** Only jobs whose ordering time (entering the status, or creation) is later than this. */
  readonly after?: Date | undefined;
  /** Only jobs whose ordering time is earlier than this. */
  readonly before?: Date | undefined;
  /** 1–1000. @default 50 */
  readonly limit?: number | undefined;
  /** Opaque, from the previous page of the same query; only `limit` may differ. */
  readonly cursor?: string | undefined;
}

/** Some of the jobs that match, and where the next page begins. */
export interface Page<D extends JobDefinition, S extends StatusOf<D> = StatusOf<D>> {
  /** In the order that was asked for. */
  readonly items: readonly Job<D, S>[];
  /** Absent on the last page. */
  readonly cursor?: string;
  /** Records that could not be read, instead of a page that fails. */
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
}

/**
 * A change of a job, or what `watch` has to say about its own course. A job is deleted by `delete`, or because its status
 * has more than its `maxCount`. `cursor` is where to go on after it.
 */
export type JobEvent<D extends JobDefinition> =
  | { readonly type: "snapshot"; readonly job: Job<D> | null; readonly cursor: string }
  | {
      readonly type: "created" | "status" | "saved";
      readonly id: string;
      readonly from: StatusOf<D> | null;
      readonly to: StatusOf<D>;
      readonly version: number;
      readonly at: Date;
      readonly by?: string;
      readonly cursor: string;
    }
  | {
      readonly type: "progress";
      readonly id: string;
      readonly progress: ProgressOf<D>;
      readonly version: number;
      readonly at: Date;
      readonly cursor: string;
    }
  | { readonly type: "deleted"; readonly id: string; readonly at: Date; readonly cursor: string }
  | { readonly type: "resync"; readonly reason: string; readonly cursor: string };

/** How a store stands. */
export interface Health {
  /** degraded: some calls work, writes do not. unhealthy: nothing does. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** "redis", "memory", or what another driver calls itself. */
  readonly driver: string;
  /** One round trip; null where none was made. */
  readonly latencyMs: number | null;
  /**
   * Redis: reachable, readable, writable, version, mode, role, usedMemoryBytes, maxMemoryBytes, evictionPolicy, persistence;
   * and `unseen`, the commands that the user is not allowed to run, if there are any. Never a password.
   */
  readonly details: Readonly<Record<string, Json>>;
  /** In plain words, e.g. an eviction policy that may drop jobs, persistence turned off, or messages set aside in the outbox. */
  readonly warnings: readonly string[];
  /** Why the store is not healthy. */
  readonly error?: string;
}

/** What an audit found. */
export interface AuditReport {
  /**
   * Jobs looked at, unreadable ones included. One may be counted twice where Redis rearranges its keys, or the connection
   * is lost, meanwhile.
   */
  readonly jobs: number;
  /** Jobs that lists, counts or the fields of the definition's `index` do not have, or not in the right place. */
  readonly missingFromIndex: number;
  /** Index entries of jobs that are not there. Jobs that have just expired are not among them. */
  readonly staleInIndex: number;
  /** Records that cannot be read. They are left as they are; `list` names those that are in the indexes. */
  readonly unreadable: number;
  /** How many of the missing and the stale were mended. */
  readonly repaired: number;
}

/** Something for the log. */
export interface StoreEvent {
  /** degraded: reads work, writes do not, until `recovered`. warning: something to look at, while all calls work. */
  readonly type: "connected" | "disconnected" | "degraded" | "recovered" | "warning";
  /** In plain words, no secrets. */
  readonly message: string;
  /** The same for programs, where there is more to say than the message. */
  readonly details?: Readonly<Record<string, Json>>;
}
