import type { input } from "zod/v4/core";
import type { Dedupe } from "./dedupe.js";
import type { QueueDefinition } from "./definition.js";
import type { Handler, PublishOptions } from "./message.js";

/**
 * Publishes and consumes typed messages. Every call checks its arguments before any I/O (INVALID_ARGUMENT, also for an
 * unknown option) and settles within the driver's time limit, if need be with UNAVAILABLE or TIMEOUT; `redrive` and
 * `discard` have that limit for each step.
 */
export interface Broker extends AsyncDisposable {
  /**
   * Resolves once the broker has confirmed AND routed the message. Survives a reconnect: what was not confirmed is sent
   * again under the same message id. Declares the queue if it does not exist.
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
   * Publishes many messages without awaiting each confirm before the next is sent. One result per message, in the same
   * order, with the errors of `publish`. Once the broker proves to be away, the messages not yet sent are rejected with the
   * same reason instead of waiting in turn.
   *
   * @throws QueueError INVALID_ARGUMENT, CLOSED: for the call as a whole
   */
  publishMany<Q extends QueueDefinition>(
    queue: Q,
    messages: readonly { readonly payload: input<Q["payload"]>; readonly options?: PublishOptions | undefined }[],
  ): Promise<readonly PromiseSettledResult<{ readonly id: string }>[]>;

  /**
   * At-least-once. At most `concurrency` handlers run at a time; one that was aborted keeps its place until it settles. A
   * payload that does not parse is dead-lettered at once with the reason. Consuming resumes by itself after a reconnect.
   * Resolves once messages can flow; rejects if the broker cannot be reached within the driver's time limit.
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
   * Looks at dead letters, oldest first, and leaves them where they are. While one call looks, another may not see the
   * same ones.
   *
   * @param options.limit 1–10,000. @default 100
   * @throws QueueError as `stats`
   */
  deadLetters<Q extends QueueDefinition>(
    queue: Q,
    options?: { readonly limit?: number | undefined },
  ): Promise<readonly DeadLetter[]>;

  /**
   * Sends dead-lettered messages back under the same id, attempts reset, oldest first. A copy is confirmed before the dead
   * letter goes, so an interruption may leave both.
   *
   * @param options.limit how many at most, from 1. @default all that are there when the call begins
   * @param options.ids only these
   * @param options.perSecond at most so many a second, 1–100,000, so that those who failed on them once are not overrun.
   *   @default as fast as the broker takes them
   * @returns how many were sent back
   * @throws QueueError as `stats`; some may have been sent back by then
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
   * Removes dead-lettered messages for good, oldest first.
   *
   * @param options.limit how many at most, from 1. @default all that are there when the call begins
   * @param options.ids only these
   * @returns how many were removed
   * @throws QueueError as `stats`; some may have been removed by then
   */
  discard(
    queue: QueueDefinition,
    options?: { readonly limit?: number | undefined; readonly ids?: readonly string[] | undefined },
  ): Promise<number>;

  /**
   * Removes messages that are ready or waiting for a retry; neither those in a handler's hands nor dead letters.
   *
   * @returns how many
   * @throws QueueError as `stats`
   */
  purge(queue: QueueDefinition): Promise<number>;

  /**
   * Never throws, not even for a `timeoutMs` that cannot be right: the default serves then. An unknown option is reported in
   * `warnings`.
   *
   * @param options.timeoutMs milliseconds until it answers at the latest, 1 to 2,147,483,647. @default 2000
   */
  health(options?: { readonly timeoutMs?: number | undefined }): Promise<QueueHealth>;

  /**
   * Stops consuming, lets handlers finish (they may still publish), waits for confirms, disconnects. Handlers that run
   * longer than `graceMs` are aborted and their messages go back. Always settles, at most four seconds after that. May be
   * called again.
   *
   * @param options.graceMs milliseconds, 0 to 2,147,483,647. @default 10_000
   * @throws QueueError INVALID_ARGUMENT
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** How a queue is consumed. */
export interface ConsumeOptions {
  /** Handlers that run at a time, 1–65,535. @default 1 */
  readonly concurrency?: number | undefined;
  /** Messages held here and not yet settled, 1–65,535. @default concurrency */
  readonly prefetch?: number | undefined;
  /**
   * Milliseconds, 1 to 2,147,483,647. A handler that runs longer is aborted through its `signal` and counted as failed.
   * @default none
   */
  readonly timeoutMs?: number | undefined;
  /** Acknowledges messages that were handled before without running the handler. @default none: every delivery is handled */
  readonly dedupe?: Dedupe | undefined;
}

/** A queue being consumed. */
export interface Consumer extends AsyncDisposable {
  /** As `Broker.close`, for this consumer alone. */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/** How many messages of a queue stand where. */
export interface QueueStats {
  /** Waiting for a consumer. */
  readonly ready: number;
  /** Delivered and not yet settled; always null on RabbitMQ, which does not report it over AMQP. */
  readonly unacked: number | null;
  /** Waiting for a retry. */
  readonly delayed: number;
  /** Dead letters. */
  readonly dead: number;
  /** Consumers attached, of all processes. */
  readonly consumers: number;
}

/** A message that was given up, and why. */
export interface DeadLetter {
  /** The message id, under which `redrive` and `discard` find it. */
  readonly id: string;
  /** The payload's JSON text, as it arrived. */
  readonly body: string;
  /** Why it was dead-lettered; cut at 300 characters. */
  readonly reason: string;
  /** The attempt it died at. */
  readonly attempts: number;
  /** When it was dead-lettered. */
  readonly at: Date;
  /** When it was first published. */
  readonly publishedAt: Date;
  /** Why the attempts failed, oldest first; the last 10, each cut at 300 characters. */
  readonly errors: readonly string[];
}

/** How a broker stands. */
export interface QueueHealth {
  /** `degraded` while the broker blocks publishers, `unhealthy` while it cannot be used at all. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** The driver's name. */
  readonly driver: string;
  /** Milliseconds for a question and its answer; null if there was none. */
  readonly latencyMs: number | null;
  /** True while the broker blocks publishers (memory or disk alarm). */
  readonly blocked: boolean;
  /** Messages sent and not yet confirmed. */
  readonly pendingConfirms: number;
  /** Connections lost and replaced since the broker was created. */
  readonly reconnects: number;
  /** What did no harm and should be known, in plain words. */
  readonly warnings: readonly string[];
  /** Why it is unhealthy, in plain words without secrets. */
  readonly error?: string;
}
