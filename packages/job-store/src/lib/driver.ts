import type { StatusChange } from "./job.js";
import type { AuditReport, Health, StoreEvent } from "./types.js";

/**
 * Storage of the jobs of one or more stores. This file is the specification of a driver, and the conformance tests in
 * `@subtitles/job-store/testing` check it.
 *
 * - A driver stores JSON text and returns replies, which are unions with a `kind`. The core parses, validates and creates errors.
 * - All times are milliseconds since 1970, from the storage's own clock.
 * - Each write is atomic: it is applied completely, with its outbox messages and events, or not at all.
 * - A driver throws only JobStoreErrors: UNAVAILABLE, and INVALID_ARGUMENT if the stored jobs belong to another definition.
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
  /** Maximum size of a record in bytes of JSON. A write of a larger record gets the reply "tooLarge". */
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

/**
 * Stored job: JSON parsed, not validated against a schema. It has the keys of a `Job` and no other keys. A driver creates a new
 * record for each reader, because the store validates the record in place and returns it as the job.
 */
export interface JobRecord {
  /** Id of the job: 1–128 characters of A–Z a–z 0–9 . _ - */
  readonly id: string;
  /** Stored status. After a change of the definition, it can be a status that the definition no longer contains. */
  readonly status: string;
  /** Version: 1 at creation, plus 1 with every `updateStatus` and `save`. */
  readonly version: number;
  /** Number of the attempt: 1 at creation, plus 1 each time the job leaves a final status. */
  readonly attempt: number;
  /** Data of the job. */
  data: unknown;
  /** Latest progress of this attempt. null: none. */
  progress: unknown;
  /** Result of the work. null: none. */
  result: unknown;
  /** Reason of the failure. null: none. */
  readonly error: unknown;
  /** Time of creation, or the time given to `save`. */
  readonly createdAt: Date;
  /** Time of the last write, progress included. */
  readonly updatedAt: Date;
  /** Time at which the job entered its current status. Re-entry counts. */
  readonly statusAt: Date;
  /** Last millisecond at which the job exists. null: it does not expire. */
  readonly expiresAt: Date | null;
  /** End of the lease. null: the job has no lease, or its time is over. */
  readonly leasedUntil: Date | null;
  /** Latest `historyLimit` status changes, oldest first. */
  readonly history: readonly StatusChange[];
}

/** Entry of the history in `FullJob`. */
export interface RecordedChange extends Omit<StatusChange, "at"> {
  /** Time of the change. */
  readonly at: number;
}

/** Result of a read of one job. An expired job is absent. */
export type ReadResult =
  | { readonly kind: "record"; readonly record: JobRecord }
  | { readonly kind: "absent" }
  | Unreadable;

/** Reply: the stored value is not a record that this driver wrote. `reason` is human-readable and contains nothing of the value. */
export type Unreadable = { readonly kind: "unreadable"; readonly reason: string };

/** Outbox message to store. */
export interface OutgoingMessage {
  /** Name of the queue, 1–255 characters. */
  readonly queue: string;
  /** Message id, 1–255 characters. null: the storage uses `<job id>.<version>.<position>`, with positions from 0. */
  readonly id: string | null;
  /** Payload as JSON text. */
  readonly payload: string;
  /** Headers of the message. Can be empty. */
  readonly headers: Readonly<Record<string, string>>;
  /** Time in milliseconds for which the outbox does not return the message. 0: it is returned at once. */
  readonly delayMs: number;
}

/**
 * Origin of a message: the change of a job that stored it. The storage adds it to each message of its outbox. The core writes it as text
 * with the store, the queue and the job, and passes back only the origin of messages that this job of this store has stored.
 */
export interface Origin {
  /** Creation time of the job. No other job with the same id has the same one. */
  readonly createdAt: number;
  /** Attempt (run) of the job after the change. */
  readonly attempt: number;
  /** Version of the job after the change. */
  readonly version: number;
  /** Time at which the message became due. 0: it was not delayed. */
  readonly dueAt: number;
}

/** Metadata of a change, for the history. */
export interface ChangeMetadata {
  /** Author of the change. */
  readonly by?: string | undefined;
  /** Remark. */
  readonly note?: string | undefined;
  /** Name of this change. */
  readonly key?: string | undefined;
}

/** Index values of a job, by index field: any text of 1–256 characters. Only `create` and `save` change them. */
export type IndexValues = ReadonlyMap<string, string>;

/** Job to create in the initial status, with version 1. */
export interface NewJob extends Pick<JobRecord, "id" | "status"> {
  /** Data as JSON text. */
  readonly data: string;
  /** Index values. */
  readonly fields: IndexValues;
  /** Metadata of the history entry. */
  readonly metadata: ChangeMetadata;
  /** Messages to store in the same step. */
  readonly outbox: readonly OutgoingMessage[];
  /** Headers of the messages that the storage stores because the job enters the status. undefined: none. */
  readonly sendHeaders?: Readonly<Record<string, string>> | undefined;
}

/** Reference to a job, with conditions that the stored job must meet. */
export interface Target {
  /** Id of the job. */
  readonly id: string;
  /** Version that the stored job must have. undefined: any. */
  readonly version?: number | undefined;
  /** Creation time that the stored job must have. undefined: any. */
  readonly createdAt?: number | undefined;
  /** Status that the stored job must have. undefined: any. */
  readonly status?: string | undefined;
  /** The job must have no lease, and this must be its `updatedAt`. undefined: any. */
  readonly idleSince?: number | undefined;
}

/** Status change. Values are JSON text. undefined keeps the stored value. Messages are not stored if the change is not made. */
export interface StatusUpdate extends Pick<NewJob, "metadata" | "outbox" | "sendHeaders"> {
  /** Job to change. */
  readonly target: Target;
  /** Requested status. */
  readonly to: string;
  /** New progress. null deletes the stored one. */
  readonly progress?: string | null | undefined;
  /** Result of the work. */
  readonly result?: string | undefined;
  /** Reason why the work failed. */
  readonly error?: string | undefined;
  /** True: marks the messages that the claim of the job covers as handled. No effect on a job that was not claimed. */
  readonly handled?: boolean | undefined;
  /** Duration of a lease that no worker owns. Only if the job stays in its status. undefined: the change ends the lease. */
  readonly leaseMs?: number | undefined;
  /** True: adds 1 to the failed attempts. */
  readonly failedAttempt?: boolean | undefined;
}

/** Message that requests a job. */
export interface RequestMessage {
  readonly queue: string;
  readonly id: string;
  /** Origin of the message, if this job of this store has stored it. null: it was published directly, or stored by another job. */
  readonly origin: Origin | null;
}

/** Request for a lease. */
export interface ClaimRequest extends Pick<NewJob, "sendHeaders"> {
  readonly id: string;
  /** Status of the job while it has the lease. */
  readonly to: string;
  /** Statuses in which the job can be claimed, in addition to `to`. */
  readonly from: readonly string[];
  /** Duration of the lease. Only time in which the storage was reachable counts. */
  readonly leaseMs: number;
  /** Key of this claim. */
  readonly key: string;
  /** Message that requests the job. The storage keeps it, to send it again if the lease ends. */
  readonly message: RequestMessage & {
    /** Payload as JSON text. */
    readonly payload: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  /** Version that the stored job must have. undefined: any. */
  readonly ifVersion?: number | undefined;
  readonly metadata: ChangeMetadata;
}

/** Request to fail a job that no worker can work on. */
export interface FailRequest extends Pick<NewJob, "sendHeaders"> {
  readonly id: string;
  readonly to: string;
  readonly from: readonly string[];
  /** Status between the stored one and `to`. */
  readonly working: string;
  readonly message: RequestMessage;
  /** Error as JSON text. */
  readonly error: string;
  readonly metadata: ChangeMetadata;
}

/** Complete record to store, with the values as the caller gave them. Its index values replace all stored ones. */
export interface FullJob
  extends Pick<JobRecord, "version" | "attempt">,
    Pick<NewJob, "id" | "status" | "data" | "fields"> {
  /** Time of creation. */
  readonly createdAt: number;
  /** Time of the last write. */
  readonly updatedAt: number;
  /** Time at which the job entered its status. The TTL counts from it. */
  readonly statusAt: number;
  /** At most `historyLimit` status changes, oldest first. */
  readonly history: readonly RecordedChange[];
  /** Progress as JSON text. null: none. */
  readonly progress: string | null;
  /** Result as JSON text. null: none. */
  readonly result: string | null;
  /** Reason of the failure as JSON text. null: none. */
  readonly error: string | null;
}

/** Reply: the job does not exist or has expired. Nothing was written. */
export type Missing = { readonly kind: "missing" };
/**
 * Reply: the stored job, with this version, does not meet the conditions of the `Target`. Nothing was written. The conditions are
 * checked before the lifecycle and the size.
 */
export type Conflict = { readonly kind: "conflict"; readonly version: number };
/** Reply: the record would have this number of bytes, which is more than `maxRecordBytes`. Nothing was written. */
export type TooLarge = { readonly kind: "tooLarge"; readonly bytes: number };
/** Reply: the lifecycle forbids the call in the stored status, which is `from`. Nothing was written. */
export type Illegal = { readonly kind: "illegal"; readonly from: string };

/** Reply to `create`. "exists": the id is in use, and nothing was written. */
export type CreateReply =
  | { readonly kind: "created"; readonly record: JobRecord }
  | { readonly kind: "exists"; readonly record: JobRecord }
  | TooLarge
  | Unreadable;

/** Reply to `save`. "expired": the TTL of the job has ended, and nothing was written. */
export type SaveReply =
  | { readonly kind: "saved"; readonly record: JobRecord }
  | Conflict
  | { readonly kind: "expired" }
  | TooLarge
  | Unreadable;

/**
 * Reply to `updateStatus`. "unchanged": the key is that of one of the last four changes, or the job was already in `to`, which is not one
 * of its own `sources`. Nothing was written. Keys are compared before the conditions of the `Target`.
 */
export type UpdateStatusReply =
  | { readonly kind: "updated"; readonly record: JobRecord }
  | { readonly kind: "unchanged"; readonly record: JobRecord }
  /** `leaseMs` was given, and the job is in another status than `to`, or has no stored message. Nothing was written. */
  | { readonly kind: "noMessage" }
  | Missing
  | Conflict
  | Illegal
  | TooLarge
  | Unreadable;

/**
 * Reply to `claim`. The first that applies, in the order of `JobStoreAdditions.claim`; nothing was written, except for "claimed", and
 * "leased" if the message is remembered.
 */
export type ClaimReply =
  | {
      readonly kind: "claimed";
      readonly record: JobRecord;
      /** Failed attempts since the job entered the status from another one. */
      readonly failedAttempts: number;
      /** Leases of workers that ended at their time since the latest change other than a claim. */
      readonly expiredLeases: number;
    }
  | { readonly kind: "outdated" | "handled" | "moved" | "leased" | "changed" }
  | Missing
  | Unreadable;

/** Reply to `failRequest`. */
export type FailRequestReply =
  | { readonly kind: "failed"; readonly record: JobRecord }
  | { readonly kind: "outdated" | "handled" | "moved" | "leased" }
  | Missing
  | Unreadable;

/** Reply to `updateProgress`. */
export type UpdateProgressReply = { readonly kind: "recorded" } | Missing | Conflict | Illegal | TooLarge | Unreadable;

/** Reply to `delete`. */
export type DeleteReply = { readonly kind: "deleted" } | Missing | Conflict | Unreadable;

/** Position in a list. The order is by time, then by id. */
export interface ListPosition {
  /** Time that orders the list: time of entering the status, or creation time. */
  readonly at: number;
  /** Id, which orders jobs of the same millisecond. */
  readonly id: string;
}

/** Request for one page of a list. */
export interface ListRequest {
  /** Statuses of the jobs, ordered by the time of entering the status. null: all jobs, ordered by creation time. */
  readonly statuses: readonly string[] | null;
  /**
   * Value that the jobs must have in an index field. The field can be one that only another store declares. null: all jobs. While
   * a job is being replaced, the page can contain it with its previous value, so the caller checks the data.
   */
  readonly where: { readonly field: string; readonly value: string } | null;
  /** Direction of the order by time and id. */
  readonly order: "newest" | "oldest";
  /** Exclusive lower bound of the time. null: none. */
  readonly after: number | null;
  /** Exclusive upper bound of the time. null: none. */
  readonly before: number | null;
  /** Position after which the page begins. null: at the beginning of the list. */
  readonly start: ListPosition | null;
  /** Maximum number of entries, 1–1000. */
  readonly limit: number;
}

/** Page of a list. */
export interface ListResult {
  /** Jobs in order, without expired jobs. Can be fewer than `limit` although more follow. */
  readonly entries: readonly (ListPosition & Exclude<ReadResult, { kind: "absent" }>)[];
  /** `start` of the next page. null: no entries follow. */
  readonly next: ListPosition | null;
}

/** Outbox entry. */
export interface StoredMessage extends Pick<OutgoingMessage, "queue" | "headers"> {
  /** Id of the entry. It is never used again. */
  readonly entryId: string;
  /** Id of the job whose change stored the message. */
  readonly jobId: string;
  /** Time at which the message was stored. */
  readonly at: number;
  /** Message id. */
  readonly id: string;
  /** Payload: parsed JSON. */
  readonly payload: unknown;
  /** Change that stored the message. null: the entry was stored before origins were recorded. */
  readonly origin: Origin | null;
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
 * is due. `claim` makes entries of the messages that are due, and of the stored messages of ended leases.
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
  /** Returns the number of rejected entries. */
  countRejected(): Promise<number>;
  /** Makes rejected entries available to `claim` again, as if they had just been stored. */
  requeue(entryIds: readonly string[]): Promise<void>;
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
  /** Fails a job whose message cannot be read or was dead-lettered, in two changes of one step. */
  failRequest(request: FailRequest): Promise<FailRequestReply>;
  /**
   * Sets the leases of these jobs to end after `leaseMs`; 0: at once. Also without jobs, it is a contact with the storage: a time in
   * which no contact was made does not count for leases and timeouts.
   * @returns for each job whether its lease was changed
   */
  renewLeases(targets: readonly Target[], leaseMs: number): Promise<readonly boolean[]>;
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
  /** Returns the number of jobs for every status of the configuration. */
  counts(): Promise<ReadonlyMap<string, number>>;
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
  /** Releases all resources. Called once, after the last call has ended. */
  close(): Promise<void>;
}
