import type { KeyLimit } from "./claims.js";
import type { QueuePause } from "./driver-workers.js";
import type { StatusChange } from "./job.js";
import type { OutboxKind } from "./outbox.js";

// Arguments and replies of the calls of a driver. `driver.ts` has the calls.

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

/**
 * Reply: the stored value is not a record that this driver wrote. `reason` is human-readable and contains nothing of the value. `isNewer`: a
 * newer version of the driver wrote the record in another form. No call changes it.
 */
export type Unreadable = { readonly kind: "unreadable"; readonly reason: string; readonly isNewer?: true };

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

/** Request for a job that may exist. A job in one of `retryFrom` changes to `status`, the initial one, and keeps its data. */
export interface JobRequest extends NewJob {
  /** Final statuses that lead to `status`. */
  readonly retryFrom: readonly string[];
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
  /** True: the caller does not read the record, so the reply can be "stored" instead of "updated". */
  readonly withoutRecord?: boolean | undefined;
}

/** Message that requests a job. */
export interface RequestMessage {
  /** Name of the queue, 1–255 characters. */
  readonly queue: string;
  /** Message id, 1–255 characters. */
  readonly id: string;
  /** Origin of the message, if this job of this store has stored it. null: it was published directly, or stored by another job. */
  readonly origin: Origin | null;
}

/** Request for a lease. */
export interface ClaimRequest extends Pick<NewJob, "sendHeaders"> {
  /** Id of the job. */
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
  /** Maximum number of running jobs with the job's value in an index field. Never given if the storage has several shards. undefined: no limit. */
  readonly limit?: KeyLimit | undefined;
  /** Metadata of the history entry. */
  readonly metadata: ChangeMetadata;
}

/** Message of a job that waits for a place; see the reply "limited" of `claim`. */
export interface WaitingMessage {
  /** Name of the queue. */
  readonly queue: string;
  /** Creation time of the job when the message arrived. */
  readonly createdAt: number;
  /** Index field of the limit. */
  readonly field: string;
  /** Value of the job in this field. */
  readonly value: string;
  /** Newest `max` used for this field and queue. null: unknown. */
  readonly max: number | null;
  /** Number of places of the value that are taken: by running jobs, and by messages that were sent during the last ten seconds. */
  readonly taken: number;
  /** Number of messages of this value and queue that arrived earlier and wait, too. */
  readonly ahead: number;
}

/** Lease of a job. */
export interface StoredLease {
  /** Creation time and version of the job when the lease was given. A job with another version does not have this lease. */
  readonly createdAt: number;
  /** Version of the job. */
  readonly version: number;
  /** End of the lease by the storage's clock, in milliseconds. */
  readonly until: number;
  /** True if a worker owns the lease. False: the job waits for a retry, or it was postponed. */
  readonly owned: boolean;
}

/** Job, and what the storage knows about the work on it. */
export interface Examination {
  /** Job, or the reason why there is none. */
  readonly job: ReadResult;
  /**
   * Lease of the job. null: it has none, or the time of the lease is over. The lease can be that of an earlier job of this id, so the caller
   * compares it with the job.
   */
  readonly lease: StoredLease | null;
  /** Messages of the job that wait for a place. They can be those of an earlier job of this id, so the caller compares them. */
  readonly waiting: readonly WaitingMessage[];
  /** Time at which the reader that claimed a message of the job acknowledged it last, to the second. null: unknown. */
  readonly publishedAt: number | null;
  /** Time of the first acknowledgement that is known, of any job, to the second. null: none is known. */
  readonly publishedSince: number | null;
  /** Time of the storage's clock. */
  readonly now: number;
}

/** Request to fail a job that no worker can work on. */
export interface FailRequest extends Pick<NewJob, "sendHeaders"> {
  /** Id of the job. */
  readonly id: string;
  /** Status of the failed job. */
  readonly to: string;
  /** Statuses in which the job can be failed, in addition to `working`. */
  readonly from: readonly string[];
  /** Status between the stored one and `to`. */
  readonly working: string;
  /** Message that requested the job. */
  readonly message: RequestMessage;
  /** Error as JSON text. */
  readonly error: string;
  /** Metadata of both history entries. */
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

/** Reply to `request`. "exists": the job is in another status, and nothing was written. */
export type RequestReply =
  | { readonly kind: "created" | "retried" | "exists"; readonly record: JobRecord }
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
  /** The change was made. Only if `withoutRecord` was given. */
  | { readonly kind: "stored" }
  | { readonly kind: "unchanged"; readonly record: JobRecord }
  /** `leaseMs` was given, and the job is in another status than `to`, or has no stored message. Nothing was written. */
  | { readonly kind: "noMessage" }
  | Missing
  | Conflict
  | Illegal
  | TooLarge
  | Unreadable;

/**
 * Reply to `claim`. The first that applies, in the order of `ClaimResult`; nothing was written, except for "claimed", for "leased" if the
 * message is remembered, for "limited", and for the end of a place that the message held.
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
  | { readonly kind: "outdated" | "handled" | "moved" | "leased" | "changed" | "limited" }
  | ({ readonly kind: "paused" } & Pick<QueuePause, "until" | "reason">)
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

/** Message that was read without claiming it. */
export type ListedMessage = StoredMessage &
  (
    | { readonly kind: "waiting" /** True if a reader has claimed it. */; readonly claimed: boolean }
    | { readonly kind: "scheduled" /** Time at which it becomes due. */; readonly dueAt: number }
    | { readonly kind: "rejected"; readonly reason: string }
  );

/** Position in a list of messages: one for each event log (shard) of the storage, in the same order. null: the beginning. */
export type OutboxPosition = readonly (ListPosition | null)[];

/** Request for one page of messages. */
export interface OutboxRequest {
  /** Kind of the entries. */
  readonly kind: OutboxKind;
  /** Position after which the page begins. null: at the beginning. Its ids are numbers, or two numbers with `-` between them. */
  readonly start: OutboxPosition | null;
  /** Maximum number of messages, 1–1000. */
  readonly limit: number;
}

/** Page of messages. */
export interface OutboxResult {
  /** Messages in order. Can be fewer than `limit` although more follow. `position`: place in the list of the shard. */
  readonly messages: readonly (ListedMessage & { readonly position: ListPosition })[];
  /** `start` of the next page. null: no messages follow. */
  readonly next: OutboxPosition | null;
}
