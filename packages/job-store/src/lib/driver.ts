import type { StatusChange } from "./job.js";
import type { AuditReport, Health, StoreEvent } from "./types.js";

/**
 * Where a store keeps its jobs. A driver moves JSON text and answers with unions; parsing, validation and errors are
 * the core's. What follows is the specification of a driver, and `@subtitles/job-store/testing` is its proof.
 *
 * Times are milliseconds since 1970 by the storage's own clock. Each mutation is atomic: it happens whole, with its
 * outbox messages, or not at all. The only errors a driver throws are JobStoreErrors: UNAVAILABLE, and INVALID_ARGUMENT
 * where what is stored belongs to another definition.
 */
export interface JobStoreDriver {
  /** For logs and health: "redis", "memory". */
  readonly name: string;
  /** Called once for each store. Does no I/O that a caller would have to wait for. */
  open(shape: StoreShape): JobStorage;
  /**
   * Reads what the stores of this place have recorded, for tools that open a store without its definition. After this call,
   * `open` uses the recorded layout, for example the number of shards. Changes nothing in the place.
   *
   * @returns null if no store has been used in this place yet
   */
  readMetadata(): Promise<StoreMetadata | null>;
}

/** Metadata that stores record in their place at their first call. */
export interface StoreMetadata {
  /** Name of the definition. */
  readonly definition: string;
  /**
   * Every status of every store that has been used in this place, with the newest of its TTLs, in milliseconds; 0: without
   * expiry. If a store uses an earlier TTL again, only the description has it. A definition may have lost some of these statuses,
   * but stored jobs can still be in them.
   */
  readonly statuses: ReadonlyMap<string, number>;
  /** Every index field of every store that has been used in this place. */
  readonly fields: readonly string[];
  /** Last `description` of a store. null: no store has recorded one. */
  readonly description: string | null;
}

/** What a driver learns of the store it serves. */
export interface StoreShape {
  /** The definition's name; one definition may live in one place. */
  readonly definition: string;
  /** In the order of declaration. */
  readonly statuses: readonly string[];
  /** Those of them in which progress is refused, and which a job leaves only for another attempt. */
  readonly finalStatuses: readonly string[];
  /** Status of a new job. */
  readonly initial: string;
  /** For each status, those from which a job can be moved to it. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
  /** What jobs can be found by: names of 1–64 of A–Z a–z 0–9 . _ - */
  readonly fields: readonly string[];
  /** For each status how long a job is kept from entering it; 0: for ever. */
  readonly ttlMs: ReadonlyMap<string, number>;
  /**
   * How many jobs are kept in a status, 1 or more; statuses without a limit are left out. Past it, those that entered
   * it first are removed, soon after the mutation that makes them too many, as by `remove`.
   */
  readonly maxCount: ReadonlyMap<string, number>;
  /** History entries kept per job, the newest. */
  readonly historyLimit: number;
  /** Largest record, in bytes of JSON; a mutation that would exceed it is answered with "tooLarge". */
  readonly maxRecordBytes: number;
  /**
   * What tools are told of the definition, as text: a driver whose jobs outlive the process keeps it beside them, the
   * newest one. null: whatever is kept stays.
   */
  readonly description: string | null;
  /** Never throws. */
  readonly emit: (event: StoreEvent) => void;
}

/**
 * Stored job: JSON parsed, not validated against a schema. It has the keys of a `Job` and no other keys. A driver makes a new
 * record for each reader, because the store validates the record in place and returns it as the job.
 */
export interface JobRecord {
  /** 1–128 of A–Z a–z 0–9 . _ - */
  readonly id: string;
  /** One of those that a store of this definition had: after a change of the definition it may be another. */
  readonly status: string;
  /** 1 when created, +1 with every move and replacement. */
  readonly version: number;
  /** 1 when created, +1 each time the job leaves a final status. */
  readonly attempt: number;
  /** What it was created with. */
  data: unknown;
  /** null: none was recorded in this attempt. */
  progress: unknown;
  /** null: none. */
  result: unknown;
  /** null: none. */
  readonly error: unknown;
  /** By the storage's clock, or as a replacement gave it. */
  readonly createdAt: Date;
  /** When it was last written, its progress included. */
  readonly updatedAt: Date;
  /** When it entered its present status; a re-entry counts. */
  readonly statusAt: Date;
  /** From the moment after this it is absent; null: never. */
  readonly expiresAt: Date | null;
  /** Oldest first, the last `historyLimit` of them. */
  readonly history: readonly StatusChange[];
}

/** One step of a job's history, as a replacement writes it. */
export interface RecordedChange extends Omit<StatusChange, "at"> {
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Absent covers expired: a job is gone the moment after its `expiresAt`. */
export type Reading =
  | { readonly kind: "record"; readonly record: JobRecord }
  | { readonly kind: "absent" }
  | Unreadable;

/** Something is stored under the id, and it is no job. */
export interface Unreadable {
  /** What is stored is no record that this driver wrote. */
  readonly kind: "unreadable";
  /** Why, in plain words; nothing of what is stored. */
  readonly reason: string;
}

/** A message as stored. Without an id it gets `<job id>.<version>.<position>`. */
export interface OutgoingMessage {
  /** 1–255 characters. */
  readonly queue: string;
  /** 1–255 characters; null: the storage makes one. */
  readonly id: string | null;
  /** JSON text. */
  readonly payload: string;
  /** May be empty. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Who, why and which, for the history. */
export interface Remark {
  /** Who makes the change. */
  readonly by?: string | undefined;
  /** Why. */
  readonly note?: string | undefined;
  /** A name of this one change. */
  readonly key?: string | undefined;
}

/**
 * What a job has in the fields of the shape that it can be found by: 1–256 characters, any characters. It keeps them
 * until it is replaced, whoever moves it.
 */
export type Fields = ReadonlyMap<string, string>;

/** A job to be created, at version 1. */
export interface NewJob {
  /** 1–128 of A–Z a–z 0–9 . _ - */
  readonly id: string;
  /** The definition's initial one. */
  readonly status: string;
  /** JSON text. */
  readonly data: string;
  /** What it can be found by. */
  readonly fields: Fields;
  /** For the first entry of the history. */
  readonly remark: Remark;
  /** Stored in the same step. */
  readonly outbox: readonly OutgoingMessage[];
}

/** The job a caller means: any by this id, or only this version of it, or only the one created then. */
export interface Target {
  /** The job. */
  readonly id: string;
  /** The one that must be stored; undefined: any. */
  readonly version?: number | undefined;
  /** When the job that is meant was created; undefined: any. */
  readonly createdAt?: number | undefined;
}

/** Parts in JSON text; undefined keeps what is stored, null clears it. */
export interface Move {
  /** The job. */
  readonly target: Target;
  /** The status to enter. */
  readonly to: string;
  /** undefined also where the job leaves a final status: it is cleared then. */
  readonly progress?: string | null | undefined;
  /** What the work produced. */
  readonly result?: string | undefined;
  /** Why the work failed. */
  readonly error?: string | undefined;
  /** For the history. */
  readonly remark: Remark;
  /** Stored in the same step; none of it where nothing is written. */
  readonly outbox: readonly OutgoingMessage[];
}

/** A record whose parts are JSON text, to be written whole. Times are milliseconds since 1970. */
export interface WholeJob extends Pick<JobRecord, "id" | "status" | "version" | "attempt"> {
  /** As the caller gave it. */
  readonly createdAt: number;
  /** As the caller gave it. */
  readonly updatedAt: number;
  /** As the caller gave it. The TTL counts from it. */
  readonly statusAt: number;
  /** Oldest first, at most `historyLimit` of them. */
  readonly history: readonly RecordedChange[];
  /** JSON text; null: none. */
  readonly progress: string | null;
  /** JSON text; null: none. */
  readonly result: string | null;
  /** JSON text; null: none. */
  readonly error: string | null;
  /** JSON text. */
  readonly data: string;
  /** What it can be found by from now on. */
  readonly fields: Fields;
}

/** There is nothing to change. */
export interface Missing {
  /** No job by this id, or an expired one. */
  readonly kind: "missing";
}
/** The version (or the creation) asked for is not what is stored. Compared before anything else. */
export interface Conflict {
  /** Nothing was written. */
  readonly kind: "conflict";
  /** The one that is stored. */
  readonly version: number;
}
/** The record would exceed `maxRecordBytes`. */
export interface TooLarge {
  /** Nothing was written. */
  readonly kind: "tooLarge";
  /** What the record would have had. */
  readonly bytes: number;
}
/** The lifecycle forbids it from the status that is stored. */
export interface Illegal {
  /** Nothing was written. */
  readonly kind: "illegal";
  /** The status that is stored. */
  readonly from: string;
}

/** What came of an insert. */
export type InsertReply =
  | { readonly kind: "created"; readonly record: JobRecord }
  /** The id was taken; nothing was written. */
  | { readonly kind: "exists"; readonly record: JobRecord }
  | TooLarge
  | Unreadable;

/** What came of a replacement. */
export type ReplaceReply =
  | { readonly kind: "saved"; readonly record: JobRecord }
  | Conflict
  /** By the storage's clock its TTL has run out. */
  | { readonly kind: "over" }
  | TooLarge
  | Unreadable;

/** What came of a move. */
export type MoveReply =
  | { readonly kind: "moved"; readonly record: JobRecord }
  /** It stood in `to` already and `to` is not in its own `sources`; nothing was written. */
  | { readonly kind: "unchanged"; readonly record: JobRecord }
  | Missing
  | Conflict
  | Illegal
  | TooLarge
  | Unreadable;

/** What came of recorded progress. */
export type ProgressReply = { readonly kind: "recorded" } | Missing | Conflict | Illegal | TooLarge | Unreadable;

/** What came of a removal. */
export type RemoveReply = { readonly kind: "removed" } | Missing | Conflict | Unreadable;

/** A place in a listing: order is by time, then by id. */
export interface Position {
  /** The ordering time: entering the status, or creation. */
  readonly at: number;
  /** Tells jobs of one millisecond apart. */
  readonly id: string;
}

/** What a listing is to show. */
export interface Range {
  /** null: all jobs, by creation. Else jobs in these, by when they entered it. */
  readonly statuses: readonly string[] | null;
  /**
   * Only jobs that have this value in this field, which may be a field that only another store declares; null: all. While a job is being replaced, one that had it may still be
   * listed: who asks looks at the data.
   */
  readonly where: { readonly field: string; readonly value: string } | null;
  /** By ordering time, then by id, in this direction. */
  readonly order: "newest" | "oldest";
  /** Exclusive bounds on the ordering time. */
  readonly after: number | null;
  /** See `after`. */
  readonly before: number | null;
  /** Only what comes after this place in the order. */
  readonly start: Position | null;
  /** Entries at most, 1–1000. */
  readonly limit: number;
}

/** A page of jobs. */
export interface Listing {
  /** At most `limit`, in order, expired jobs left out. May be fewer although more follow. */
  readonly entries: readonly (Position & Exclude<Reading, { kind: "absent" }>)[];
  /** Where the next listing starts; null: nothing follows. */
  readonly next: Position | null;
}

/** A message that waits to be published. */
export interface StoredMessage {
  /** Names the entry; never used again. */
  readonly entryId: string;
  /** The job whose change stored it. */
  readonly jobId: string;
  /** When it was stored. */
  readonly at: number;
  /** As the change had it. */
  readonly queue: string;
  /** As the change had it, or as the storage made it. */
  readonly id: string;
  /** JSON, parsed. */
  readonly payload: unknown;
  /** As the change had them. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A place in a log: events are numbered without a hole. A log that was lost is followed by another one. */
export interface Place {
  /** Names the log, anew where it began again. */
  readonly log: string;
  /** Of the event in its log. */
  readonly number: number;
}

/** What happened to a job, recorded in the same step. */
export type LoggedEvent = { readonly place: Place; readonly id: string; readonly at: number } & (
  | {
      readonly type: "created" | "status" | "saved";
      readonly from: string | null;
      readonly to: string;
      readonly version: number;
      readonly by?: string | undefined;
    }
  /** Progress is JSON, parsed. */
  | { readonly type: "progress"; readonly version: number; readonly progress: unknown }
  | { readonly type: "deleted" }
);

/** Some events of a log. */
export interface LogPage {
  /** In commit order. */
  readonly events: readonly LoggedEvent[];
  /** Where the next page starts. */
  readonly place: Place;
  /** Why events between the place asked for and the first of these are not there; null: none are missing. */
  readonly gap: string | null;
}

/** A bounded log of events: every mutation adds one, the oldest go. Expiry adds none. */
export interface EventLog {
  /** The place of the last event. */
  tail(): Promise<Place>;
  /**
   * Reads in one atomic operation: a job, the place of the last event, and the time by the storage's clock in milliseconds
   * since the epoch.
   */
  snapshot(id: string): Promise<{ readonly reading: Reading; readonly place: Place; readonly now: number }>;
  /** What follows a place, or nothing after `waitMs` or when `signal` aborts. A place of another log is a gap. */
  after(
    place: Place,
    options: { readonly limit: number; readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<LogPage>;
}

/** Messages in commit order. A claim is a time by which the entry is handed out again. */
export interface OutboxStorage {
  /** Up to `limit` unclaimed entries, for `claimMs`; waits for the first one for up to `waitMs`. */
  claim(options: {
    limit: number;
    waitMs: number;
    claimMs: number;
    signal: AbortSignal;
  }): Promise<readonly StoredMessage[]>;
  /** Resolves when there may be more to claim than at the last claim, after `ms`, or when `signal` aborts. */
  waitForMore(ms: number, signal: AbortSignal): Promise<void>;
  /** Those set aside, too. Ids that are not stored are passed over. */
  remove(entryIds: readonly string[]): Promise<void>;
  /** Keeps entries out of what is claimed, with the reason. */
  setAside(entryIds: readonly string[], reason: string): Promise<void>;
  /** Those set aside, oldest first. */
  rejected(limit: number): Promise<readonly (StoredMessage & { readonly reason: string })[]>;
  /** How many are set aside. */
  countRejected(): Promise<number>;
  /** Those set aside can be claimed again, as if they had just been stored. */
  restore(entryIds: readonly string[]): Promise<void>;
  /** How many there are, claimed ones included, those set aside not. */
  depth(): Promise<number>;
  /** When the first of them was stored; null: there are none. */
  oldest(): Promise<number | null>;
  /** Time in milliseconds, by the storage's clock, that the first of them has waited; null if there is none. */
  oldestWait(): Promise<number | null>;
}

/** How a storage stands. */
export interface StorageHealth extends Omit<Health, "driver"> {
  /** Messages set aside in the outbox; null: that could not be seen. */
  readonly rejected: number | null;
  /** How long the oldest message of the outbox has waited, claimed or not; null: none waits, or that could not be seen. */
  readonly oldestWaitMs: number | null;
}

/** How an audit goes. */
export interface AuditOptions {
  /** Mend what is found; else it is only counted. */
  readonly repair: boolean;
  /** What a job has in the fields of the shape, from its data; null: the record is unreadable, and its fields stay. */
  readonly fieldsOf: (record: JobRecord) => Fields | null;
}

/** The jobs of one store. See `JobStoreDriver` for what holds of all of it. */
export interface JobStorage {
  /** Version 1, attempt 1, one history entry. Where the id is taken, nothing is written, messages neither. */
  insert(job: NewJob): Promise<InsertReply>;
  /** Where the job exists, its version must equal `job.version` and becomes one higher. */
  replace(job: WholeJob): Promise<ReplaceReply>;
  /** In the order of `ids`. */
  read(ids: readonly string[]): Promise<readonly Reading[]>;
  /** Returns the index values of jobs, in the order of `ids`. For an id without a job, the result can be any. */
  readIndexValues(ids: readonly string[]): Promise<readonly Fields[]>;
  /**
   * Version + 1, the TTL of `to`, a history entry. Leaving a final status clears progress, result and error first and
   * adds 1 to the attempt.
   */
  move(move: Move): Promise<MoveReply>;
  /** Illegal in a final status. Changes `updatedAt` and nothing else besides. */
  recordProgress(target: Target, progress: string): Promise<ProgressReply>;
  /** The job and its entries in the indexes; an unreadable record too, unless a version or a creation is asked for. */
  remove(target: Target): Promise<RemoveReply>;
  /** Costs what it returns, however many jobs there are. */
  list(range: Range): Promise<Listing>;
  /** For every status of the shape. */
  counts(): Promise<ReadonlyMap<string, number>>;
  /** The messages that changes left. */
  readonly outbox: OutboxStorage;
  /** One for each part that the jobs are spread over. */
  readonly logs: readonly EventLog[];
  /** Which log tells of a job. */
  logOf(id: string): number;
  /**
   * Compares jobs with their entries in the indexes, a bounded number at each step, which keeps no other call waiting; what
   * a step found is to be added up. With `repair`, jobs get the entries that their records call for, and entries without
   * a job go; each is compared anew in the step that mends it. Fields that the shape lacks stay as they are, and so do
   * records that cannot be read.
   */
  audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined>;
  /** Never throws, answers within the time. */
  health(timeoutMs: number): Promise<StorageHealth>;
  /** Called once, after the last call has settled. */
  close(): Promise<void>;
}
