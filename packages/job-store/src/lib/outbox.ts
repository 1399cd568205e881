/** Message to publish because of a change. It is stored in the same atomic step as the change. */
export interface OutboxMessage {
  /** Name of the queue to which the message is published, 1–255 characters. */
  readonly queue: string;
  /**
   * JSON value; anything else fails with INVALID_DATA. `message()` of the queue package creates a message whose payload the
   * queue's schema accepted.
   */
  readonly payload: unknown;
  /**
   * Message id, 1–255 characters.
   * @default `<job id>.<version>.<position>` with positions from 0, which is the same for every retry of the same change
   */
  readonly id?: string | undefined;
  /** Headers that are copied to the published message, including W3C `traceparent`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Time in milliseconds for which the message is delayed, 1–31,622,400,000 (366 days), by the clock of the server. The outbox returns
   * it within one second of this time, if a reader waits. A delayed message delays no other one, and it is sent even if its job was
   * deleted or has expired. @default not delayed
   */
  readonly delayMs?: number | undefined;
}

/** Stored message. */
export interface OutboxEntry {
  /** Id of the entry, for `ack`, `reject` and `requeue`. */
  readonly entryId: string;
  /** Id of the job whose change stored the message. */
  readonly jobId: string;
  /** Time at which the message was stored, from the server's clock. */
  readonly at: Date;
  /** Name of the queue to which the message is published. */
  readonly queue: string;
  /** Payload of the message: a parsed JSON value. */
  readonly payload: unknown;
  /** Message id. It is the same each time the entry is read, so that consumers can recognize a duplicate. */
  readonly id: string;
  /** Headers of the message. Empty if it was stored without headers. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Opaque text that identifies the queue, the job, its run (`attempt`) and the version with which the message was stored. A relay
   * passes it on, so that `claim` recognizes copies and messages of earlier runs.
   */
  readonly origin?: string | undefined;
}

/**
 * Kind of a message in the outbox. waiting: an entry, claimed by a reader or not, or a delayed message that is due. scheduled: a delayed
 * message that is not due yet. rejected: an entry that can never be published.
 */
export type OutboxKind = "waiting" | "scheduled" | "rejected";

/** Waiting message, as `list` returns it. */
export interface WaitingEntry extends OutboxEntry {
  /** Kind of the entry: it waits for a relay. */
  readonly kind: "waiting";
  /** True if a reader has claimed the entry and has not acknowledged it yet. */
  readonly claimed: boolean;
}

/** Scheduled message, as `list` returns it. When it is due, it becomes an entry, which can have another id. */
export interface ScheduledEntry extends OutboxEntry {
  /** Kind of the entry: it is due later. */
  readonly kind: "scheduled";
  /** Time at which the message becomes due, also in `at`. */
  readonly dueAt: Date;
}

/** Rejected message, as `list` returns it. */
export interface RejectedEntry extends OutboxEntry {
  /** Kind of the entry: it was rejected. */
  readonly kind: "rejected";
  /** Reason that `reject` stored. */
  readonly reason: string;
}

/** Message that was read without claiming it. */
export type ListedEntry = WaitingEntry | ScheduledEntry | RejectedEntry;

/** Query of `Outbox.list`. */
export interface OutboxQuery<K extends OutboxKind = OutboxKind> {
  /** Kind of the messages: "waiting", "scheduled" or "rejected". */
  readonly kind: K;
  /** Maximum number of messages on the page, 1–1,000. @default 50 */
  readonly limit?: number | undefined;
  /** Opaque cursor from the previous page of the same kind. */
  readonly cursor?: string | undefined;
}

/** Page of messages. */
export interface OutboxPage<K extends OutboxKind = OutboxKind> {
  /** Messages in order: waiting ones in commit order, scheduled and rejected ones by time. */
  readonly entries: readonly Extract<ListedEntry, { readonly kind: K }>[];
  /** Cursor of the next page. Absent on the last page. */
  readonly cursor?: string;
}

/** Options of `Outbox.reschedule`. */
export interface RescheduleOptions {
  /** New due time, by the clock of the server. A time in the past makes the messages due now. */
  readonly at: Date;
}

/** Messages of one job. */
export interface JobMessages {
  /** Messages of the job: waiting ones first, then scheduled and rejected ones. */
  readonly entries: readonly ListedEntry[];
  /** False if the outbox has more than 1,000 messages of a kind. Then only the oldest 1,000 of this kind were searched. */
  readonly complete: boolean;
}

/** Messages that were stored together with a change and are not published yet. */
export interface Outbox {
  /**
   * Claims up to `limit` entries for this reader. Entries that are not acknowledged are returned again after `claimMs`. A single
   * reader receives the entries in commit order (per shard). Several readers share the entries, and there is no order between
   * readers. Returns fewer entries if they are large, although more are waiting.
   *
   * The call returns as soon as there are entries. It returns none after `waitMs`, when `signal` aborts or when the store closes.
   *
   * @param options.limit Maximum number of entries, 1–1,000. @default 100
   * @param options.waitMs Time to wait for the first entry, in milliseconds, 0–3,600,000. @default 0
   * @param options.claimMs Duration of the claim in milliseconds, 1–86,400,000. @default 30_000
   * @param options.signal Ends the wait. The call then returns no entries.
   * @throws INVALID_ARGUMENT, UNAVAILABLE, CLOSED
   */
  read(options?: {
    readonly limit?: number | undefined;
    readonly waitMs?: number | undefined;
    readonly claimMs?: number | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<readonly OutboxEntry[]>;
  /** Deletes entries that were published, rejected entries included. Ignores ids that are not stored. @throws UNAVAILABLE */
  ack(entryIds: readonly string[]): Promise<void>;
  /**
   * Rejects entries that can never be published, and stores the reason. Rejected entries are kept until they are requeued or
   * acknowledged. @throws UNAVAILABLE
   */
  reject(entryIds: readonly string[], reason: string): Promise<void>;
  /**
   * Returns rejected entries with their reasons, oldest first.
   * @param options.limit Maximum number of entries, 1–1,000. @default 100
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  rejected(options?: {
    readonly limit?: number | undefined;
  }): Promise<readonly (OutboxEntry & { readonly reason: string })[]>;
  /**
   * Returns a page of messages without claiming them. The cost depends on `limit`. A page can contain fewer than `limit` messages, or
   * none, although more follow: only an absent `cursor` marks the last page. Messages that are published, requeued or become due between
   * two pages can be missing.
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  list<K extends OutboxKind>(query: OutboxQuery<K>): Promise<OutboxPage<K>>;
  /**
   * Returns the messages that changes of a job stored. Searches the oldest 1,000 messages of each kind, on a cluster those in the shard of
   * the job.
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  ofJob(id: string): Promise<JobMessages>;
  /** Returns the number of rejected entries. @throws UNAVAILABLE */
  countRejected(): Promise<number>;
  /** Makes rejected entries available to `read` again, as if they had just been stored. @throws UNAVAILABLE */
  requeue(entryIds: readonly string[]): Promise<void>;
  /**
   * Changes the time at which scheduled messages become due, also in their origin. A time in the past makes them due now. Messages that are
   * no longer scheduled are left unchanged. More than 500 messages of a shard, or more than 2 MiB of them, are changed in several steps: if
   * the call fails, some of them may have been changed. The call can be repeated.
   * @param entryIds Entry ids that `list` returned.
   * @returns for each entry whether it was changed. The result is exact, also in a race with a reader. @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  reschedule(entryIds: readonly string[], when: RescheduleOptions): Promise<readonly boolean[]>;
  /**
   * Deletes scheduled messages. Their jobs stay unchanged. Messages that are no longer scheduled are left unchanged. As in `reschedule`, many
   * messages are deleted in several steps.
   * @param entryIds Entry ids that `list` returned.
   * @returns for each entry whether it was deleted. The result is exact, also in a race with a reader. @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  cancel(entryIds: readonly string[]): Promise<readonly boolean[]>;
  /** Returns the number of entries that are not acknowledged yet. Rejected entries are not counted. @throws UNAVAILABLE */
  depth(): Promise<number>;
  /** Returns the number of delayed messages that are not due yet. `depth` does not count them. @throws UNAVAILABLE */
  scheduled(): Promise<number>;
  /** Returns the time since which the oldest of these entries has waited (a delayed one: since it was due), or null if there are none. @throws UNAVAILABLE */
  oldest(): Promise<Date | null>;
}
