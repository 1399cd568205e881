/** Pause of a queue. See `pauseQueue`. */
export interface PausedQueue {
  /** Name of the queue, as in the messages of the outbox. */
  readonly queue: string;
  /** Time at which the queue was paused. */
  readonly since: Date;
  /** End of the pause. null: until `resumeQueue`. */
  readonly until: Date | null;
  /** Reason, as given to `pauseQueue`. null: none was given. */
  readonly reason: string | null;
  /** Author, as given to `pauseQueue`. null: none was given. */
  readonly by: string | null;
}

/** Options of `pauseQueue`. */
export interface PauseOptions {
  /** End of the pause, by the clock of the server. A time in the past ends the pause at once. @default until `resumeQueue` */
  readonly until?: Date | undefined;
  /** Human-readable reason. */
  readonly reason?: string | undefined;
  /** Author of the pause, as named by the caller. */
  readonly by?: string | undefined;
  /** True: the call changes nothing if the queue is paused already and the pause ends later, or has no `until`. */
  readonly unlessLonger?: true | undefined;
}

/** Operations on the workers of a store, in all processes. */
export interface WorkerOperations {
  /**
   * Pauses a queue for all workers of this store, in every process, until `until` or until `resumeQueue`. Running jobs continue, and a relay continues to
   * publish.
   * - After the call has resolved, no claim for this queue succeeds: `claim` answers "paused". A repeated call of an earlier claim still returns its answer.
   * - Workers then stop consuming the queue. The messages that they fetched are published to the queue again and acknowledged, so that they use neither an
   *   attempt nor a delivery. Workers check for the end of the pause every two seconds.
   * - Repeating the call replaces `until`, `reason` and `by`.
   * - On a cluster, the call writes to every shard. If one of them fails, the call fails with UNAVAILABLE and can be repeated.
   * @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  pauseQueue(queue: string, options?: PauseOptions): Promise<void>;
  /**
   * Ends a pause.
   * @param options.by Author, for the event of the store.
   * @returns false if the queue was not paused. @throws INVALID_ARGUMENT, UNAVAILABLE
   */
  resumeQueue(queue: string, options?: { readonly by?: string | undefined }): Promise<boolean>;
  /** Returns the paused queues, sorted by name. A pause whose `until` has passed is not returned. @throws UNAVAILABLE */
  pausedQueues(): Promise<readonly PausedQueue[]>;
}
