/** A message to publish because of a change; stored in the same atomic step as the change. */
export interface OutboxMessage {
  /** The queue to publish to. 1–255 characters. */
  readonly queue: string;
  /** JSON, else INVALID_DATA. `message()` of the queue package makes one whose payload its schema has accepted. */
  readonly payload: unknown;
  /**
   * The message's id, 1–255 characters.
   * @default `<job id>.<version>.<position>`, positions from 0: the same for the same change, however often it is retried
   */
  readonly id?: string | undefined;
  /** Carried to the message, W3C `traceparent` among them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A stored message. */
export interface OutboxEntry {
  /** Names the entry to `ack`, `reject` and `requeue`. */
  readonly entryId: string;
  /** The job whose change stored it. */
  readonly jobId: string;
  /** When it was stored. */
  readonly at: Date;
  /** The queue to publish to. */
  readonly queue: string;
  /** JSON, parsed. */
  readonly payload: unknown;
  /** The message's id: the same each time that the entry is handed out, so consumers can tell a repetition. */
  readonly id: string;
  /** Empty where it was stored without any. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Messages stored together with a change and not yet published. */
export interface Outbox {
  /**
   * Claims up to `limit` entries for this reader; unacknowledged ones are delivered again after `claimMs`. Returns fewer
   * if the entries are large, although more are waiting.
   * One reader sees them in commit order; several readers share them, in no order between each other.
   * Answers at once when there are some, with none after `waitMs`, when `signal` aborts or when the store closes.
   *
   * @param options.limit 1–1000. @default 100
   * @param options.waitMs How long to wait for the first entry, 0–3,600,000. @default 0
   * @param options.claimMs 1–86,400,000. @default 30_000
   * @throws INVALID_ARGUMENT, UNAVAILABLE, CLOSED
   */
  read(options?: {
    readonly limit?: number | undefined;
    readonly waitMs?: number | undefined;
    readonly claimMs?: number | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<readonly OutboxEntry[]>;
  /** Removes entries that were published, rejected ones too. Ids that are not stored are passed over. @throws UNAVAILABLE */
  ack(entryIds: readonly string[]): Promise<void>;
  /**
   * Sets entries aside that can never be published, with the reason; they are kept until requeued or acknowledged.
   * @throws UNAVAILABLE
   */
  reject(entryIds: readonly string[], reason: string): Promise<void>;
  /**
   * The entries set aside, oldest first.
   * @param options.limit 1–1000. @default 100
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  rejected(options?: {
    readonly limit?: number | undefined;
  }): Promise<readonly (OutboxEntry & { readonly reason: string })[]>;
  /** How many are set aside. @throws UNAVAILABLE */
  countRejected(): Promise<number>;
  /** Hands entries that were set aside out again, as if they had just been stored. @throws UNAVAILABLE */
  requeue(entryIds: readonly string[]): Promise<void>;
  /** Entries not yet acknowledged, the rejected ones not counted. @throws UNAVAILABLE */
  depth(): Promise<number>;
  /** Since when the oldest of them waits; null: none. @throws UNAVAILABLE */
  oldest(): Promise<Date | null>;
}
