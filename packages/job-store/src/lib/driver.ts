import type {
  ClaimReply,
  ClaimRequest,
  CreateReply,
  DeleteReply,
  Examination,
  FailRequest,
  FailRequestReply,
  FullJob,
  IndexValues,
  JobRecord,
  JobRequest,
  ListedMessage,
  ListRequest,
  ListResult,
  NewJob,
  OutboxRequest,
  OutboxResult,
  ReadResult,
  RequestReply,
  SaveReply,
  StatusUpdate,
  StoredMessage,
  Target,
  UpdateProgressReply,
  UpdateStatusReply,
} from "./driver-calls.js";
import type {
  LiveWorkerRecord,
  PauseRequest,
  QueueConsumer,
  QueuePause,
  StoredActivity,
  UnattendedStatus,
  WorkerRecord,
} from "./driver-workers.js";
import type { StoreEvent } from "./events.js";
import type { AuditReport, Health } from "./types.js";

export type * from "./driver-calls.js";
export type * from "./driver-workers.js";

/**
 * Storage of the jobs of one or more stores. This file and `driver-calls.ts` are the specification of a driver, and the conformance tests in
 * `@subtitles/job-store/testing` check it.
 *
 * - A driver stores JSON text and returns replies, which are unions with a `kind`. The core parses, validates and creates errors.
 * - All times are milliseconds since 1970, from the storage's own clock.
 * - Each write is atomic: it is applied completely, with its outbox messages and events, or not at all.
 * - A driver throws only JobStoreErrors: UNAVAILABLE, INVALID_ARGUMENT if the stored jobs belong to another definition, and NEWER_FORMAT if a
 *   newer version of the driver stored them in a format that this version cannot read. Then it writes nothing.
 * - A call that failed is never applied later. If the driver does not know if it was applied, UNAVAILABLE has `indeterminate: true`.
 */
export interface JobStoreDriver {
  /** Name of the driver for logs and health, for example "redis" or "memory". */
  readonly name: string;
  /** Opens the storage of one store. Called once per store. Returns without waiting for I/O. */
  open(config: StoreConfig): JobStorage;
  /**
   * Reads the metadata that stores have recorded, for tools that open a store without its definition. After this call, `open`
   * uses the recorded layout, for example the number of shards. Writes nothing.
   *
   * @returns null if no store has used this storage yet
   */
  readMetadata(): Promise<StoreMetadata | null>;
}

/** Metadata that stores record at their first call. */
export interface StoreMetadata {
  /** Name of the definition. */
  readonly definition: string;
  /**
   * Every status of every store that has used this storage, with its newest TTL in milliseconds; 0: without expiry. If a store
   * uses an earlier TTL again, only the description contains it. A newer definition may not contain some of these statuses, but
   * stored jobs can still be in them.
   */
  readonly statuses: ReadonlyMap<string, number>;
  /** Every index field of every store that has used this storage. */
  readonly fields: readonly string[];
  /** Last `description` of a store. null: no store has recorded one. */
  readonly description: string | null;
}

/** Configuration of a store. */
export interface StoreConfig {
  /** Name of the definition. A storage belongs to one definition. */
  readonly definition: string;
  /** Statuses in the order of their declaration. */
  readonly statuses: readonly string[];
  /** Final statuses. Progress is rejected in them, and a job that leaves one starts its next attempt. */
  readonly finalStatuses: readonly string[];
  /** Status of a new job. */
  readonly initial: string;
  /** For each status, the statuses from which a job can change to it. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
  /** Names of the index fields: 1–64 characters of A–Z a–z 0–9 . _ - */
  readonly fields: readonly string[];
  /** For each status, the time for which a job is kept after it enters the status. 0: without expiry. */
  readonly ttlMs: ReadonlyMap<string, number>;
  /**
   * Messages that the driver stores when a job enters a status from another one, or is created in it. A status without any is absent. The
   * payload is a `SentPayload`. The positions in their ids follow those of the messages of the change.
   */
  readonly sends: ReadonlyMap<string, readonly SendRule[]>;
  /** Time limits of statuses. A status without a limit is absent. */
  readonly timeouts: ReadonlyMap<string, TimeoutRule>;
  /**
   * Number of jobs kept in a status, 1 or more. A status without a limit is absent. Soon after a write exceeds the limit, the
   * driver deletes the jobs that entered the status first, as `delete` does.
   */
  readonly maxCount: ReadonlyMap<string, number>;
  /** Maximum number of history entries per job. The newest are kept. */
  readonly historyLimit: number;
  /**
   * Maximum size of a record in bytes of JSON. A write of a larger record gets the reply "tooLarge". A change of the status that stores
   * neither progress nor a result may exceed it by `MAX_EXCESS_BYTES`. `claim` and `failRequest` may exceed it: without them, no job would
   * end.
   */
  readonly maxRecordBytes: number;
  /**
   * Description of the definition, for tools. A driver that stores jobs outside the process also stores the newest description.
   * null: the stored description does not change.
   */
  readonly description: string | null;
  /** Reports an event for logs. Never throws. */
  readonly emit: (event: StoreEvent) => void;
}

/** Message that the driver stores when a job enters a status. */
export interface SendRule {
  /** Queue name, 1–255 characters. */
  readonly queue: string;
  /** The message is only stored for jobs that have a value in this index field. null: for every job. */
  readonly ifField: string | null;
}

/** Time limit of a status. */
export interface TimeoutRule {
  /** Time without activity after which the job changes to `to`, in milliseconds. */
  readonly ms: number;
  /** Status of a job whose time is over. */
  readonly to: string;
}

/** Position in an event log. The events of a log have consecutive numbers. */
export interface LogPosition {
  /** Id of the log. A log that replaces a lost one has another id. */
  readonly log: string;
  /** Number of the event in its log. */
  readonly number: number;
}

/** Event, added in the same step as the change that it describes. */
export type LoggedEvent = { readonly position: LogPosition; readonly id: string; readonly at: number } & (
  | {
      readonly type: "created" | "status" | "saved";
      readonly from: string | null;
      readonly to: string;
      readonly version: number;
      readonly by?: string | undefined;
    }
  /** The progress is parsed JSON. */
  | { readonly type: "progress"; readonly version: number; readonly progress: unknown }
  | { readonly type: "deleted" }
);

/** Page of an event log. */
export interface LogPage {
  /** Events in commit order. */
  readonly events: readonly LoggedEvent[];
  /** Position after which the next page begins. */
  readonly position: LogPosition;
  /** Reason why events between the requested position and the first of `events` are missing. null: none is missing. */
  readonly gap: string | null;
}

/** Log of the latest events. Every write adds an event, and the oldest are removed. Expiry adds none. */
export interface EventLog {
  /** Returns the position of the last event. */
  tail(): Promise<LogPosition>;
  /** Reads in one atomic operation: a job, the position of the last event, and the time of the storage's clock. */
  snapshot(id: string): Promise<{ readonly job: ReadResult; readonly position: LogPosition; readonly now: number }>;
  /**
   * Returns the events after a position. Waits for the first one until `waitMs` has passed or `signal` aborts. A position in
   * another log is a gap.
   */
  after(
    position: LogPosition,
    options: { readonly limit: number; readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<LogPage>;
}

/**
 * Outbox entries in commit order. A claimed entry is not returned again until its claim ends. A delayed message is not an entry until it
 * is due. `claim` makes entries of the messages that are due, of the stored messages of ended leases, and of messages that waited for a
 * place; it checks each of their lists once a minute, a bounded number in one call.
 */
export interface OutboxStorage {
  /** Claims up to `limit` entries for `claimMs`. Waits for the first one until `waitMs` has passed or `signal` aborts. */
  claim(options: {
    limit: number;
    waitMs: number;
    claimMs: number;
    signal: AbortSignal;
  }): Promise<readonly StoredMessage[]>;
  /** Resolves when there may be more entries than at the last claim, after `ms`, or when `signal` aborts. */
  waitForEntries(ms: number, signal: AbortSignal): Promise<void>;
  /** Deletes entries, rejected ones included. Ignores ids that are not stored. */
  ack(entryIds: readonly string[]): Promise<void>;
  /** Rejects entries and stores the reason. A rejected entry cannot be claimed. */
  reject(entryIds: readonly string[], reason: string): Promise<void>;
  /** Returns rejected entries, oldest first. */
  rejected(limit: number): Promise<readonly (StoredMessage & { readonly reason: string })[]>;
  /**
   * Returns a page of messages without claiming them: waiting ones in commit order, followed by those that are due and not entries yet;
   * scheduled ones by their due times; rejected ones by their times.
   */
  list(request: OutboxRequest): Promise<OutboxResult>;
  /**
   * Returns the messages that changes of this job stored, among the oldest `limit` of each kind; waiting ones first, then scheduled and
   * rejected ones. `complete`: false if the job's shard has more than `limit` messages of a kind.
   */
  ofJob(
    jobId: string,
    limit: number,
  ): Promise<{ readonly messages: readonly ListedMessage[]; readonly complete: boolean }>;
  /** Returns the number of rejected entries. */
  countRejected(): Promise<number>;
  /**
   * Makes rejected entries available to `claim` again, as if they had just been stored, with new ids. So a repeated call does not requeue an
   * entry that was rejected again.
   */
  requeue(entryIds: readonly string[]): Promise<void>;
  /**
   * Changes the due time of scheduled messages, also in their origin; a time that is not later than now makes them entries at once, with a
   * due time after now, so that no earlier claim covers them. Returns for each id whether the message was scheduled, and so was changed.
   */
  reschedule(entryIds: readonly string[], at: number): Promise<readonly boolean[]>;
  /** Deletes scheduled messages. Returns for each id whether the message was scheduled, and so was deleted. */
  cancel(entryIds: readonly string[]): Promise<readonly boolean[]>;
  /** Returns the number of entries, claimed ones included, rejected ones not. */
  depth(): Promise<number>;
  /** Returns the number of messages that are not due yet. */
  scheduled(): Promise<number>;
  /** Returns the time at which the oldest of these entries was stored, or was due. null: there are none. */
  oldest(): Promise<number | null>;
  /** Returns the time in milliseconds that the oldest of these entries has waited. null: there are none. */
  oldestWait(): Promise<number | null>;
}

/** Health of a storage. */
export interface StorageHealth extends Omit<Health, "driver"> {
  /** Number of rejected outbox entries. null: unknown. */
  readonly rejected: number | null;
  /** Time in milliseconds that the oldest outbox entry has waited, claimed or not. null: there is none, or it is unknown. */
  readonly oldestWaitMs: number | null;
  /** Time in milliseconds for which the check of a timeout is late. null: unknown, or the definition has no timeouts. */
  readonly overdueMs: number | null;
  /** Pauses that have not ended. null: unknown. */
  readonly pauses: readonly QueuePause[] | null;
  /** Statuses that a worker named in `from`, that no live worker names, and that contain jobs. null: unknown. */
  readonly unattended: readonly UnattendedStatus[] | null;
}

/** Options of an audit. */
export interface AuditOptions {
  /** True: repairs the indexes. False: only counts. */
  readonly repair: boolean;
  /** Computes the index values of a record. null: the record is unreadable, and its index values do not change. */
  readonly indexValuesOf: (record: JobRecord) => IndexValues | null;
}

/** Storage of the jobs of one store. `JobStoreDriver` describes the rules for all of its calls. */
export interface JobStorage {
  /** Creates a job with version 1, attempt 1 and one history entry. If the id exists, it writes nothing, messages included. */
  create(job: NewJob): Promise<CreateReply>;
  /**
   * Creates the job as `create` does, or changes the status of the existing one as `updateStatus` does, if it is in one of `retryFrom`.
   * One step.
   */
  request(request: JobRequest): Promise<RequestReply>;
  /** Stores a complete record. If the job exists, its version must equal `job.version`, and the new version is one higher. */
  save(job: FullJob): Promise<SaveReply>;
  /** Reads jobs in the order of `ids`. */
  read(ids: readonly string[]): Promise<readonly ReadResult[]>;
  /** Returns the index values of jobs, in the order of `ids`. For an id without a job, the result can be any. */
  readIndexValues(ids: readonly string[]): Promise<readonly IndexValues[]>;
  /**
   * Changes the status: adds 1 to the version, adds a history entry and sets the TTL of `to`. If the job leaves a final status, it
   * first clears progress, result and error, and adds 1 to the attempt.
   */
  updateStatus(update: StatusUpdate): Promise<UpdateStatusReply>;
  /** Gives the caller a lease, and stores the message of the request with it. */
  claim(request: ClaimRequest): Promise<ClaimReply>;
  /**
   * Pauses a queue. From then on, `claim` replies "paused" for its messages, until the pause ends by the storage's clock. A pause that has not
   * ended keeps its `since`. If the call fails, the queue may be paused in some shards. The call can be repeated.
   */
  pauseQueue(request: PauseRequest): Promise<void>;
  /** Ends the pause of a queue. Returns false if there was none. */
  resumeQueue(queue: string): Promise<boolean>;
  /** Returns the pauses that have not ended, in any order. */
  pauses(): Promise<readonly QueuePause[]>;
  /**
   * Does the same as `renewLeases`, and records the worker for `leaseMs`; 0: removes its record. The first announcement of a worker also
   * records its queue, `from` and `working`. These are forgotten after 30 days without a worker of the queue.
   * @returns for each job whether its lease was changed, and the pause of the worker's queue
   */
  announceWorker(
    worker: WorkerRecord,
    targets: readonly Target[],
    leaseMs: number,
  ): Promise<{ readonly renewed: readonly boolean[]; readonly pause: QueuePause | null }>;
  /**
   * Returns the recorded workers, and all queues that workers have consumed, both in any order.
   * @param withRunning false: without the ids of running jobs, which are many
   */
  workers(
    withRunning: boolean,
  ): Promise<{ readonly live: readonly LiveWorkerRecord[]; readonly consumers: readonly QueueConsumer[] }>;
  /** Fails a job whose message cannot be read or was dead-lettered, in two changes of one step. */
  failRequest(request: FailRequest): Promise<FailRequestReply>;
  /**
   * Sets the leases of these jobs to end after `leaseMs`; 0: at once. Also without jobs, it is a contact with the storage: a time in
   * which no contact was made does not count for leases and timeouts.
   * @returns for each job whether its lease was changed
   */
  renewLeases(targets: readonly Target[], leaseMs: number): Promise<readonly boolean[]>;
  /**
   * Reads a job and what the storage knows about the work on it, in one step. The times of acknowledgements are those of the latest 10,000
   * jobs or more, for each event log.
   */
  examine(id: string): Promise<Examination>;
  /**
   * Finds jobs whose time in their status is over, if `owner` enforces the timeouts or no owner does. The caller changes their status,
   * with `idleSince` in the target. `more`: true if further jobs may be found at once.
   * `owned`: false if another owner enforces the timeouts.
   */
  findOverdue(owner: string): Promise<{
    readonly owned: boolean;
    readonly jobs: readonly (Required<Pick<Target, "id" | "version" | "createdAt" | "idleSince">> & {
      readonly status: string;
    })[];
    readonly more: boolean;
  }>;
  /** Stores progress and changes `updatedAt`, but nothing else. Illegal in a final status. */
  updateProgress(target: Target, progress: string): Promise<UpdateProgressReply>;
  /** Deletes a job and its index entries. Without conditions in the target, it also deletes an unreadable record. */
  delete(target: Target): Promise<DeleteReply>;
  /** Returns a page of a list. The cost depends on `limit`, not on the number of stored jobs. */
  list(request: ListRequest): Promise<ListResult>;
  /**
   * Returns the number of jobs for every status of the configuration. `where`: counts only jobs that have this value in an index field,
   * which can be one that only another store declares. null: counts all jobs.
   */
  counts(where: ListRequest["where"]): Promise<ReadonlyMap<string, number>>;
  /**
   * Counts jobs by the minutes of the last hour in which they entered their status or were created, and timeouts. For timeouts, the storage
   * can use the latest check of each job by `findOverdue`, and can examine a limited number of jobs that are past the timeout.
   */
  activity(lateMs: number): Promise<StoredActivity>;
  /** Outbox of the store. */
  readonly outbox: OutboxStorage;
  /** Event logs, one per shard. */
  readonly logs: readonly EventLog[];
  /** Returns the index in `logs` of the log that contains the events of a job. */
  logOf(id: string): number;
  /**
   * Compares the jobs with their index entries. Each step compares a limited number of jobs, blocks no other call, and yields a
   * report of its own, which the caller adds up. With `repair`, a job gets the index entries of its record, and entries without a
   * job are deleted; each entry is compared again in the step that repairs it. Index fields that are not in the configuration and
   * unreadable records do not change.
   */
  audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined>;
  /** Returns the health within `timeoutMs`. Never throws. */
  health(timeoutMs: number): Promise<StorageHealth>;
  /** Releases all resources. Called once, after the last call has ended. Calls of `health` can still run. */
  close(): Promise<void>;
}
