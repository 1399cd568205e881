import type { input } from "zod/v4/core";
import type { QueueDefinition } from "./definition.js";
import type { Handler, PublishOptions } from "./message.js";

/**
 * Publishes and consumes typed messages. Every call checks its arguments before any I/O (INVALID_ARGUMENT) and settles
 * within the driver's time limit, if need be with UNAVAILABLE or TIMEOUT.
 */
export interface Broker extends AsyncDisposable {
  /**
   * Resolves once the broker has confirmed AND routed the message; survives a reconnect meanwhile (repeated under the same
   * message id). The queue is declared where it does not exist.
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
   * Confirms are pipelined, not awaited one by one. Settles per message, in order. Once the broker proves to be away, the
   * messages not yet sent are rejected with the same reason instead of waiting in turn.
   */
  publishMany<Q extends QueueDefinition>(
    queue: Q,
    messages: readonly { readonly payload: input<Q["payload"]>; readonly options?: PublishOptions | undefined }[],
  ): Promise<readonly PromiseSettledResult<{ readonly id: string }>[]>;

  /**
   * At-least-once. At most `concurrency` handlers run at a time; one that was aborted keeps its place until it settles. A
   * payload that does not parse is dead-lettered at once with the reason. Consuming resumes by itself after a reconnect.
   * Resolves once messages can flow; rejects where the broker could not be reached within the driver's time limit.
   *
   * @throws QueueError INVALID_ARGUMENT, UNAVAILABLE, TIMEOUT, CLOSED, TOPOLOGY_MISMATCH
   */
  consume<Q extends QueueDefinition>(queue: Q, handler: Handler<Q>, options?: ConsumeOptions): Promise<Consumer>;

  /** Messages ready, in hands, waiting for a retry and dead-lettered, and consumers attached. */
  stats(queue: QueueDefinition): Promise<QueueStats>;
  /**
   * Looks at dead letters, oldest first, and leaves them where they are. While one call looks, another may not see the
   * same ones.
   *
   * @param options.limit 1–10,000. @default 100
   */
  deadLetters<Q extends QueueDefinition>(
    queue: Q,
    options?: { readonly limit?: number | undefined },
  ): Promise<readonly DeadLetter[]>;
  /**
   * Sends dead-lettered messages back under the same id, attempts reset. A copy is confirmed before the dead letter goes, so
   * an interruption may leave both.
   *
   * @param options.limit how many at most. @default all that are there when the call begins
   * @param options.ids only these
   * @returns how many
   */
  redrive(
    queue: QueueDefinition,
    options?: { readonly limit?: number | undefined; readonly ids?: readonly string[] | undefined },
  ): Promise<number>;
  /** Removes messages that are ready or waiting for a retry, not those in hands, nor dead letters. @returns how many */
  purge(queue: QueueDefinition): Promise<number>;

  /** Never throws, answers within `timeoutMs` (default 2000). */
  health(options?: { readonly timeoutMs?: number | undefined }): Promise<QueueHealth>;
  /**
   * Stops consuming, lets handlers finish (they may still publish), flushes confirms, disconnects. Handlers that run longer than `graceMs` are
   * aborted and their messages go back. Always settles, at most four seconds after that. @param options.graceMs @default 10_000
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

export interface ConsumeOptions {
  /** Handlers that run at a time, 1–65,535. @default 1 */
  readonly concurrency?: number | undefined;
  /** Messages held here and not yet settled, 1–65,535. @default concurrency */
  readonly prefetch?: number | undefined;
  /** In milliseconds. A handler that runs longer is aborted through its `signal` and counted as failed. @default none */
  readonly timeoutMs?: number | undefined;
}

export interface Consumer extends AsyncDisposable {
  /** As `Broker.close`, for this consumer alone. */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

export interface QueueStats {
  readonly ready: number;
  /** null where the broker does not tell (RabbitMQ without its management plugin). */
  readonly unacked: number | null;
  readonly delayed: number;
  readonly dead: number;
  readonly consumers: number;
}

export interface DeadLetter {
  readonly id: string;
  /** The payload's JSON text, as it arrived. */
  readonly body: string;
  readonly reason: string;
  /** The attempt it died at. */
  readonly attempts: number;
  /** When it was dead-lettered. */
  readonly at: Date;
  /** When it was first published. */
  readonly publishedAt: Date;
  /** Why the attempts failed, oldest first; the last 10. */
  readonly errors: readonly string[];
}

export interface QueueHealth {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly driver: string;
  readonly latencyMs: number | null;
  /** True while the broker blocks publishers (memory or disk alarm). */
  readonly blocked: boolean;
  readonly pendingConfirms: number;
  readonly reconnects: number;
  readonly warnings: readonly string[];
  readonly error?: string;
}
