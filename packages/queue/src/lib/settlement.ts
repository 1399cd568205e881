import { checkDuration, checkKeys, checkOptions, invalid, type KeysOf } from "./arguments.js";
import type { QueueDefinition } from "./definition.js";
import type { Delivery, Destination, Envelope, QueueConfig, Session } from "./driver.js";
import { toError } from "./failures.js";
import { shorten } from "./text.js";
import type { Verdict } from "./types.js";

/** Maximum number of stored errors of a message: those of the last attempts. Headers contain them, so they are limited. */
const MAX_ERRORS = 10;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5_000;
/** Minimum delay of a wait queue for postponed messages. With a shorter one, a message would move too often. */
const MIN_WAIT_QUEUE_MS = 10;

const RETRY_OPTIONS: KeysOf<NonNullable<Parameters<typeof retry>[0]>> = { afterMs: true, reason: true };
const POSTPONE_OPTIONS: KeysOf<Parameters<typeof postpone>[0]> = { afterMs: true, reason: true };
const VERDICT_KEYS: KeysOf<Verdict> = { kind: true, afterMs: true, reason: true };

/**
 * Creates the verdict that retries a message. It has the effect of a thrown error, but nothing is reported to `onError`.
 *
 * @param options.afterMs delay in milliseconds. It selects the shortest declared delay that is not shorter than `afterMs`. If all declared
 *   delays are shorter, it selects the longest. @default the next declared delay
 * @param options.reason reason in the dead letter, at most 300 characters; a longer one is cut
 * @throws QueueError INVALID_ARGUMENT
 */
export function retry(options?: {
  readonly afterMs?: number | undefined;
  readonly reason?: string | undefined;
}): Verdict {
  const { afterMs, reason } = checkOptions(options, RETRY_OPTIONS, "retry");
  if (afterMs !== undefined) checkDuration(afterMs, "`afterMs`");
  if (reason !== undefined && typeof reason !== "string") return invalid("The reason of a retry must be a string.");
  return { kind: "retry", ...(afterMs !== undefined && { afterMs }), ...(reason !== undefined && { reason }) };
}

/**
 * Creates the verdict that dead-letters a message immediately, without the remaining attempts.
 *
 * @param reason reason in the dead letter, at most 300 characters; a longer one is cut
 * @throws QueueError INVALID_ARGUMENT
 */
export function deadLetter(reason: string): Verdict {
  if (typeof reason !== "string") return invalid("The reason of a dead letter must be a string.");
  return { kind: "deadLetter", reason };
}

/**
 * Creates the verdict that redelivers a message after `afterMs` without using an attempt, and also without using the delivery limit of
 * RabbitMQ. Nothing is reported to `onError`.
 *
 * The message waits in a wait queue of the queue's `retryDelaysMs`, several times if necessary: each time in the one with the longest
 * delay that is not longer than the time left. Delays below 10 ms are not used. For a time shorter than all delays, and if the queue
 * declares none, it stays unacknowledged in the consumer: its slot is free for another handler, but it counts for `prefetch`, a closing
 * consumer releases it, and after a lost connection it is redelivered earlier. RabbitMQ limits this time by its acknowledgement
 * timeout (30 minutes), so a queue whose messages are postponed for longer needs a retry delay.
 *
 * @param options.afterMs time until the redelivery in milliseconds, 1 to 2,147,483,647
 * @param options.reason reason for logs and traces. It is not stored
 * @throws QueueError INVALID_ARGUMENT
 */
export function postpone(options: { readonly afterMs: number; readonly reason?: string | undefined }): Verdict {
  const given = checkOptions(options, POSTPONE_OPTIONS, "postpone");
  const afterMs = checkDuration(given.afterMs, "`afterMs`", 1);
  const { reason } = given;
  if (reason !== undefined && typeof reason !== "string") {
    return invalid("The reason of a postponement must be a string.");
  }
  return { kind: "postpone", afterMs, ...(reason !== undefined && { reason }) };
}

/**
 * Reads the value that a handler returned. A verdict that was not made by `retry`, `deadLetter` or `postpone` is checked here. Any
 * other value counts as no verdict.
 */
export function readVerdict(value: unknown): Verdict | undefined {
  if (!isVerdict(value)) return undefined;
  checkKeys(value, VERDICT_KEYS, "A verdict");
  if (value.kind === "deadLetter") return deadLetter(value.reason);
  if (value.kind === "postpone") return postpone({ afterMs: value.afterMs, reason: value.reason });
  return retry({ afterMs: value.afterMs, reason: value.reason });
}

function isVerdict(value: unknown): value is Verdict {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    (value.kind === "retry" || value.kind === "deadLetter" || value.kind === "postpone")
  );
}

/** Outcome of a delivery: the handler's verdict, applied to the queue's retry delays. */
export type Outcome =
  | { readonly kind: "acknowledge" }
  /** Returns the message unchanged. The handler was aborted, which is not a failure of the message. */
  | { readonly kind: "release" }
  | { readonly kind: "retry"; readonly delayMs: number; readonly reason: string }
  | { readonly kind: "deadLetter"; readonly reason: string }
  | { readonly kind: "postpone"; readonly afterMs: number };

export function isLastAttempt(queue: QueueDefinition, attempt: number): boolean {
  return attempt > queue.retryDelaysMs.length;
}

export function outcomeOf(queue: QueueDefinition, attempt: number, verdict: Verdict | undefined): Outcome {
  if (verdict === undefined) return { kind: "acknowledge" };
  if (verdict.kind === "deadLetter") return verdict;
  if (verdict.kind === "postpone") return { kind: "postpone", afterMs: verdict.afterMs };
  const reason = verdict.reason ?? "The handler returned retry() without a reason.";
  if (isLastAttempt(queue, attempt)) return { kind: "deadLetter", reason };
  return { kind: "retry", delayMs: selectDelay(queue, attempt, verdict.afterMs), reason };
}

function selectDelay(queue: QueueDefinition, attempt: number, afterMs: number | undefined): number {
  if (afterMs === undefined) return queue.retryDelaysMs[attempt - 1] ?? 0;
  const longEnough = queue.retryDelaysMs.filter((delay) => delay >= afterMs);
  return longEnough.length > 0 ? Math.min(...longEnough) : Math.max(...queue.retryDelaysMs);
}

/** Access to an active message while it is being settled. */
export interface MessageHandle {
  /** Latest delivery of the message. After a reconnect, a redelivery replaces it. */
  readonly delivery: Delivery;
  /** True if the handler was aborted. */
  readonly aborted: boolean;
  /** Resolves when the latest delivery is live, or when no redelivery is expected. */
  reattached(): Promise<void>;
  /** Resolves after `ms` milliseconds, or when the handler is aborted. */
  pause(ms: number): Promise<void>;
}

export interface SettleContext {
  readonly session: Session;
  readonly queue: QueueConfig;
  readonly handle: MessageHandle;
  readonly report: (error: unknown) => void;
}

/**
 * Stores a copy of a message: for a retry, a postponement or a dead letter. The copy is published and confirmed before the message is
 * acknowledged, so a crash between the two steps duplicates the message instead of losing it. Repeats the publish until the copy is
 * stored, the delivery is no longer live, the handler is aborted, or the session is closed.
 *
 * @returns true if the copy is stored, so that the message can be acknowledged
 */
export async function storeCopy(copy: Envelope, destination: Destination, context: SettleContext): Promise<boolean> {
  const { session, queue, report, handle } = context;
  for (let pauseMs = FIRST_PAUSE_MS; handle.delivery.live; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    const result = await session.publish(queue, copy, destination);
    if (result.ok) {
      // If the connection was lost during the publish, the redelivery is acknowledged. Otherwise the message and its copy would
      // both be handled.
      await handle.reattached();
      return true;
    }
    report(toError(result, { queue: queue.name, messageId: copy.id }));
    // A session that was closed stores no message any more.
    if (handle.aborted || result.failure === "closed") return false;
    await handle.pause(pauseMs);
  }
  return false;
}

/** Returns the copy of a message for its next attempt. */
export function retryCopy({ postponed: _, ...envelope }: Envelope, reason: string): Envelope {
  return { ...envelope, attempt: envelope.attempt + 1, errors: addError(envelope, reason), death: null };
}

/** Returns the copy of a message for the dead-letter queue. */
export function deadLetterCopy({ postponed: _, ...envelope }: Envelope, reason: string): Envelope {
  return { ...envelope, errors: addError(envelope, reason), death: { reason: shorten(reason), at: Date.now() } };
}

/** Returns the copy of a message that is due after `afterMs`. */
export function postponedCopy(envelope: Envelope, afterMs: number): Envelope {
  const now = Date.now();
  const postponed = { since: envelope.postponed?.since ?? now, until: now + afterMs };
  return { ...envelope, postponed, death: null };
}

/** Returns the time until a message is due, in milliseconds. Zero or less if it is due, or if it is not postponed. */
export function postponedForMs({ postponed }: Envelope): number {
  return postponed === undefined ? 0 : postponed.until - Date.now();
}

/**
 * Returns the wait queue for a message that is due after `leftMs`: the one with the longest declared delay that is not longer. The
 * time that is left after this delay is waited for again. So the message is never early, and late only if others are ahead of it.
 *
 * @returns null if all delays are longer. The message then waits in the consumer
 */
export function waitQueueFor(
  { retryDelaysMs }: Pick<QueueConfig, "retryDelaysMs">,
  leftMs: number,
): Destination | null {
  const shortEnough = retryDelaysMs.filter((delay) => delay >= MIN_WAIT_QUEUE_MS && delay <= leftMs);
  return shortEnough.length > 0 ? { afterMs: Math.max(...shortEnough) } : null;
}

function addError({ errors }: Envelope, reason: string): readonly string[] {
  return [...errors, shorten(reason)].slice(-MAX_ERRORS);
}
