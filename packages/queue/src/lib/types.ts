import type { input, output } from "zod/v4/core";
import type { QueueDefinition } from "./definition.js";
import type { QueueStats } from "./driver.js";

/** Message that a handler receives. */
export interface Message<Q extends QueueDefinition> {
  /** Message id. It stays the same across redeliveries and retries, so consumers use it for deduplication. */
  readonly id: string;
  /** Payload as parsed by the queue's schema. */
  readonly payload: output<Q["payload"]>;
  /** Number of the attempt: 1 at the first delivery, plus 1 for every retry. A redelivery is not a retry; see `redelivered`. */
  readonly attempt: number;
  /** True if no retry delay is left. If this attempt fails, the message is dead-lettered, and its job should be marked as failed. */
  readonly lastAttempt: boolean;
  /** True if the message was delivered before and not acknowledged: a consumer crashed, closed or lost its connection. */
  readonly redelivered: boolean;
  /** Time of the first publish. Retries do not change it. */
  readonly publishedAt: Date;
  /** Headers as published, including W3C `traceparent`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Origin as published: opaque text of a store that identifies the job and the change that stored the message. Absent if it has none. */
  readonly origin?: string;
  /**
   * Aborts at `timeoutMs`, when the consumer closes and its grace period is over, or when the message was redelivered to
   * another consumer. The reason is a QueueError with the code TIMEOUT or CLOSED.
   */
  readonly signal: AbortSignal;
}

/**
 * Function that handles a message. If it resolves without a verdict, the message is acknowledged. If it throws, the message
 * is retried.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a verdict returns nothing at all.
export type Handler<Q extends QueueDefinition> = (message: Message<Q>) => Promise<Verdict | void>;

/**
 * Decision of a handler about its message. If the handler resolves without a verdict, the message is acknowledged. If it
 * throws, the message is retried after the next declared delay; if no delay is left, it is dead-lettered.
 */
export type Verdict =
  | { readonly kind: "retry"; readonly afterMs?: number; readonly reason?: string }
  | { readonly kind: "deadLetter"; readonly reason: string }
  | { readonly kind: "postpone"; readonly afterMs: number; readonly reason?: string };

/** Options of a published message. */
export interface PublishOptions {
  /** Message id: 1–255 bytes without control characters. Consumers use it for deduplication. @default a UUID v7 */
  readonly id?: string | undefined;
  /** Headers: strings, at most 32 KiB in total. Names that begin with `x-subtitles-` are reserved. @default {} */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Origin: opaque text of 1–1,024 bytes without control characters. A job store adds it to the messages of its outbox, and a relay
   * passes it on. Retries, dead letters and redrive keep it. @default none
   */
  readonly origin?: string | undefined;
}

/** Options of `message`. */
export interface MessageOptions extends Omit<PublishOptions, "origin"> {
  /**
   * Time in milliseconds for which the outbox delays the message, 1–31,622,400,000 (366 days). Only an outbox that supports `delayMs`,
   * such as that of `@subtitles/job-store`, accepts such a message. @default not delayed
   */
  readonly delayMs?: number | undefined;
}

/**
 * Publishes and consumes typed messages. Every call checks its arguments before any I/O and rejects an invalid argument or
 * an unknown option with INVALID_ARGUMENT. Every call ends within the driver's `timeoutMs`, if necessary with UNAVAILABLE or
 * TIMEOUT. For `redrive` and `discard`, the limit applies to each step.
 */
export interface Broker extends AsyncDisposable {
  /**
   * Publishes a message. Resolves when the broker has both confirmed and routed it. The call survives a reconnect: an
   * unconfirmed message is sent again under the same message id. The queue is declared if it does not exist.
   *
   * @throws QueueError INVALID_PAYLOAD, INVALID_ARGUMENT, UNROUTABLE, UNAVAILABLE and TIMEOUT (both with
   *   `indeterminate`), CLOSED, TOPOLOGY_MISMATCH
   */
  publish<Q extends QueueDefinition>(
    queue: Q,
    payload: input<Q["payload"]>,
    options?: PublishOptions,
  ): Promise<{ readonly id: string }>;

  /**
   * Publishes many messages. Confirms are pipelined instead of awaited one by one. Returns one result per message, in the
   * order of `messages`, with the errors of `publish`. If the broker becomes unavailable, the messages that have not been sent
   * yet are rejected with the same reason instead of waiting one after the other.
   *
   * @throws QueueError INVALID_ARGUMENT, CLOSED: for the call as a whole
   */
  publishMany<Q extends QueueDefinition>(
    queue: Q,
    messages: readonly { readonly payload: input<Q["payload"]>; readonly options?: PublishOptions | undefined }[],
  ): Promise<readonly PromiseSettledResult<{ readonly id: string }>[]>;

  /**
   * Consumes a queue with at-least-once delivery. At most `concurrency` handlers run at the same time. An aborted handler
   * occupies its slot until it ends. A message whose payload cannot be parsed is dead-lettered immediately, with the reason.
   * After a reconnect, consuming resumes automatically. Resolves when the queue is being consumed; rejects if the broker cannot
   * be reached within the driver's `timeoutMs`.
   *
   * @throws QueueError INVALID_ARGUMENT, UNAVAILABLE, TIMEOUT, CLOSED, TOPOLOGY_MISMATCH
   */
  consume<Q extends QueueDefinition>(queue: Q, handler: Handler<Q>, options?: ConsumeOptions): Promise<Consumer>;

  /**
   * Counts a queue's messages and consumers.
   *
   * @throws QueueError INVALID_ARGUMENT, UNAVAILABLE, TIMEOUT, CLOSED, TOPOLOGY_MISMATCH
   */
  stats(queue: QueueDefinition): Promise<QueueStats>;

  /**
   * Lists dead letters, oldest first, without removing them. The result can lack dead letters that another call is reading.
   *
   * @param options.limit maximum number of dead letters, 1–10,000. @default 100
   * @throws QueueError the errors of `stats`
   */
  deadLetters<Q extends QueueDefinition>(
    queue: Q,
    options?: { readonly limit?: number | undefined },
  ): Promise<readonly DeadLetter[]>;

  /**
   * Sends dead-lettered messages back to their queue, oldest first, under the same id and with their attempts reset. A dead
   * letter is removed after its copy is confirmed, so an interruption may leave both.
   *
   * @param options.limit maximum number of messages, from 1. @default all that exist when the call begins
   * @param options.ids ids of the messages to send back. @default all
   * @param options.perSecond maximum number of messages per second, 1–100,000. It protects the consumers from a burst.
   *   @default unlimited
   * @returns the number of messages sent back
   * @throws QueueError the errors of `stats`; some messages may have been sent back before the error
   */
  redrive(
    queue: QueueDefinition,
    options?: {
      readonly limit?: number | undefined;
      readonly ids?: readonly string[] | undefined;
      readonly perSecond?: number | undefined;
    },
  ): Promise<number>;

  /**
   * Removes dead-lettered messages permanently, oldest first.
   *
   * @param options.limit maximum number of messages, from 1. @default all that exist when the call begins
   * @param options.ids ids of the messages to remove. @default all
   * @returns the number of removed messages
   * @throws QueueError the errors of `stats`; some messages may have been removed before the error
   */
  discard(
    queue: QueueDefinition,
    options?: { readonly limit?: number | undefined; readonly ids?: readonly string[] | undefined },
  ): Promise<number>;

  /**
   * Removes messages that are ready or waiting for a retry. Unacknowledged messages and dead letters stay.
   *
   * @returns the number of removed messages
   * @throws QueueError the errors of `stats`
   */
  purge(queue: QueueDefinition): Promise<number>;

  /**
   * Reports the health of the broker. Never throws: an invalid `timeoutMs` is replaced by the default, and an unknown option is
   * reported in `warnings`.
   *
   * @param options.timeoutMs maximum duration of the call in milliseconds, 1 to 2,147,483,647. @default 2000
   */
  health(options?: { readonly timeoutMs?: number | undefined }): Promise<QueueHealth>;

  /**
   * Stops consuming, lets running handlers finish (they may still publish), waits for outstanding confirms, and disconnects.
   * Handlers that run longer than `graceMs` are aborted, and their messages are released. Always ends, at most four seconds
   * after `graceMs`. Can be called repeatedly.
   *
   * @param options.graceMs time that running handlers have to finish, in milliseconds, 0 to 2,147,483,647. @default 10_000
   * @throws QueueError INVALID_ARGUMENT
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** Options of `Broker.consume`. */
export interface ConsumeOptions {
  /** Maximum number of handlers that run at the same time, 1–65,535. An aborted handler occupies its slot until it ends. @default 1 */
  readonly concurrency?: number | undefined;
  /** Maximum number of unacknowledged messages in this consumer, 1–65,535. @default concurrency */
  readonly prefetch?: number | undefined;
  /**
   * Time limit of a handler in milliseconds, 1 to 2,147,483,647. A handler that exceeds it is aborted through its `signal` and
   * counts as failed. @default none
   */
  readonly timeoutMs?: number | undefined;
  /** Store of handled messages. A message that it contains is acknowledged without running the handler. @default none */
  readonly dedupe?: Dedupe | undefined;
  /**
   * Called with a message whose payload cannot be read, before it is dead-lettered. Occupies a slot until it settles. If it rejects, the
   * error is reported, and the message is kept and delivered again after a second, as if postponed; see `postpone`. It is called
   * again for a message that is redelivered before it was dead-lettered. @default none
   */
  readonly onUnreadable?: ((letter: UnreadableMessage) => Promise<void>) | undefined;
}

/** Message whose payload cannot be read. */
export interface UnreadableMessage {
  /** Message id. */
  readonly id: string;
  /** Body as received. */
  readonly body: string;
  /** Reason why the payload cannot be read. It becomes the reason of the dead letter. */
  readonly reason: string;
  /** Origin of the message; see `PublishOptions`. Absent if it has none. */
  readonly origin?: string;
}

/**
 * Store of the keys of handled messages, so that a duplicate is acknowledged without running its handler again. The type is
 * structural, so any store can provide one. A key consists of queue name and message id, so one store can serve several queues.
 *
 * A key is stored after the handler resolved and before the message is acknowledged. After a crash before the key is stored, the
 * message is handled again. After a later crash, the redelivery is acknowledged without running the handler. A message is dropped
 * only if its handler succeeded. If a method fails or takes more than 5 seconds, the failure is reported and the message is handled as if
 * it were new.
 */
export interface Dedupe {
  /** Returns true if `remember` was called with this key. Called before the handler runs; any value except `true` means no. */
  seen(key: string): Promise<boolean>;
  /** Stores a key. Not called for messages that are retried or dead-lettered, because they must be handled again. */
  remember(key: string): Promise<void>;
}

/** Active consumer of one queue. */
export interface Consumer extends AsyncDisposable {
  /** Stops consuming the queue. Has the options and the errors of `Broker.close`, for this consumer only. */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** Message that was dead-lettered, with the reason. */
export interface DeadLetter {
  /** Message id. `redrive` and `discard` accept it in `ids`. */
  readonly id: string;
  /** JSON text of the payload, as received. */
  readonly body: string;
  /** Origin of the message; see `PublishOptions`. Absent if it has none. */
  readonly origin?: string;
  /** Reason for dead-lettering, at most 300 characters. */
  readonly reason: string;
  /** Number of the attempt that failed last. */
  readonly attempts: number;
  /** Time of dead-lettering. */
  readonly at: Date;
  /** Time of the first publish. */
  readonly publishedAt: Date;
  /** Errors of the last 10 attempts, oldest first, at most 300 characters each. */
  readonly errors: readonly string[];
}

/** Health of a broker. */
export interface QueueHealth {
  /** `degraded` while the broker blocks publishers, `unhealthy` while it is unavailable. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** Name of the driver. */
  readonly driver: string;
  /** Duration of a request to the broker in milliseconds; null if no request succeeded. */
  readonly latencyMs: number | null;
  /** True while the broker blocks publishers (memory or disk alarm). */
  readonly blocked: boolean;
  /** Number of messages that were sent and are not confirmed yet. */
  readonly pendingConfirms: number;
  /** Number of connections that were lost and replaced since the broker was created. */
  readonly reconnects: number;
  /** Human-readable descriptions of problems that did not stop the broker. */
  readonly warnings: readonly string[];
  /** Human-readable reason for `unhealthy`, without secrets. */
  readonly error?: string;
}
