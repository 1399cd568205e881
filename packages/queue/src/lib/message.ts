import type { input, output } from "zod/v4/core";
import { checkHeaders, checkMessageId, checkOptions, type KeysOf } from "./arguments.js";
import { checkDefinition, type QueueDefinition } from "./definition.js";
import { VERSION_HEADER, versionOf } from "./evolution.js";
import { encodePayload } from "./payload.js";
import type { Verdict } from "./verdict.js";

/** What a handler is given. */
export interface Message<Q extends QueueDefinition> {
  /** Stable across redeliveries and retries: what a consumer deduplicates by. */
  readonly id: string;
  /** As the queue's schema reads it. */
  readonly payload: output<Q["payload"]>;
  /** 1 on first delivery, +1 with every retry. A redelivery after a crash or a deploy is no retry: `redelivered` tells. */
  readonly attempt: number;
  /** No declared delay is left: a failure now dead-letters the message (and is the time to mark its job failed). */
  readonly lastAttempt: boolean;
  /** It was delivered before and not settled: its consumer died, closed, or lost its connection. */
  readonly redelivered: boolean;
  /** When it was first published; retries do not change it. */
  readonly publishedAt: Date;
  /** As published, W3C `traceparent` among them. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Aborts when the handler's work is for nothing: at the consumer's `timeoutMs`, when the consumer closes past its grace
   * time, or when the message was delivered elsewhere. Its reason is a QueueError: TIMEOUT or CLOSED.
   */
  readonly signal: AbortSignal;
}

/** Resolves to acknowledge, or with a verdict; throws to have the message retried. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a verdict returns nothing at all.
export type Handler<Q extends QueueDefinition> = (message: Message<Q>) => Promise<Verdict | void>;

/** What travels beside a payload. */
export interface PublishOptions {
  /** 1–255 bytes, no control characters. What a consumer deduplicates by. @default a UUID v7 */
  readonly id?: string | undefined;
  /** Strings, at most 32 KiB together; names that begin with `x-subtitles-` are reserved. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export const PUBLISH_OPTIONS: KeysOf<PublishOptions> = { id: true, headers: true };

/**
 * A message for an outbox: its payload is checked by the queue's schema now, not when it is relayed. From version 2 on, its
 * headers say which version that was, so that a relay of a later release lifts it; without that header it is of version 1.
 *
 * @throws QueueError INVALID_PAYLOAD, INVALID_ARGUMENT
 */
export function message<Q extends QueueDefinition>(
  queue: Q,
  payload: input<Q["payload"]>,
  options?: PublishOptions,
): {
  readonly queue: string;
  readonly payload: output<Q["payload"]>;
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
} {
  checkDefinition(queue);
  const given = checkOptions(options, PUBLISH_OPTIONS, "message");
  const id = given.id === undefined ? undefined : checkMessageId(given.id);
  const users = given.headers === undefined ? undefined : checkHeaders(given.headers);
  const version = versionOf(queue);
  const headers = version === 1 ? users : { ...users, [VERSION_HEADER]: String(version) };
  return {
    queue: queue.name,
    payload: encodePayload(queue, payload, id).payload,
    ...(id !== undefined && { id }),
    ...(headers !== undefined && { headers }),
  };
}
