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

/** Messages that were stored together with a change and are not published yet. */
export interface Outbox {
  /**
   * Claims up to `limit` entries for this reader. Entries that are not acknowledged are returned again after `claimMs`. A single
   * reader receives the entries in commit order (per shard). Several readers share the entries, and there is no order between
   * readers. Returns fewer entries if they are large, although more are waiting.
   *
   * The call returns as soon as there are entries. It returns none after `waitMs`, when `signal` aborts or when the store closes.
   *
   * @param options.limit Maximum number of entries, 1–1000. @default 100
   * @param options.waitMs Time to wait for the first entry, in milliseconds, 0–3,600,000. @default 0
   * @param options.claimMs Duration of the claim in milliseconds, 1–86,400,000. @default 30_000
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
   * @param options.limit Maximum number of entries, 1–1000. @default 100
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  rejected(options?: {
    readonly limit?: number | undefined;
  }): Promise<readonly (OutboxEntry & { readonly reason: string })[]>;
  /** Returns the number of rejected entries. @throws UNAVAILABLE */
  countRejected(): Promise<number>;
  /** Makes rejected entries available to `read` again, as if they had just been stored. @throws UNAVAILABLE */
  requeue(entryIds: readonly string[]): Promise<void>;
  /** Returns the number of entries that are not acknowledged yet. Rejected entries are not counted. @throws UNAVAILABLE */
  depth(): Promise<number>;
  /** Returns the number of delayed messages that are not due yet. `depth` does not count them. @throws UNAVAILABLE */
  scheduled(): Promise<number>;
  /** Returns the time since which the oldest of these entries has waited (a delayed one: since it was due), or null if there are none. @throws UNAVAILABLE */
  oldest(): Promise<Date | null>;
}
