import type { Acknowledgements } from "./acknowledgements.js";
import { checkDuration, checkKeys, checkOptions, invalid, type KeysOf } from "./arguments.js";
import type { QueueDefinition } from "./definition.js";
import type { Delivery, Destination, Envelope, QueueConfig, Session } from "./driver.js";
import { toError } from "./failures.js";
import { toWellFormed } from "./text.js";
import type { Verdict } from "./types.js";

/** Maximum number of errors and maximum length of a reason. Headers contain them, so both are limited. */
const MAX_ERRORS = 10;
const MAX_REASON_LENGTH = 300;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 5_000;

const RETRY_OPTIONS: KeysOf<NonNullable<Parameters<typeof retry>[0]>> = { afterMs: true, reason: true };
const VERDICT_KEYS: KeysOf<Verdict> = { kind: true, afterMs: true, reason: true };

/**
 * Creates the verdict that retries a message. It has the effect of a thrown error, but nothing is reported to `onError`.
 *
 * @param options.afterMs milliseconds. Selects the shortest declared delay that is not shorter than `afterMs`. If all declared
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
 * Reads the value that a handler returned. A verdict that was not made by `retry` or `deadLetter` is checked here. Any other
 * value counts as no verdict.
 */
export function readVerdict(value: unknown): Verdict | undefined {
  if (!isVerdict(value)) return undefined;
  checkKeys(value, VERDICT_KEYS, "A verdict");
  if (value.kind === "deadLetter") return deadLetter(value.reason);
  return retry({ afterMs: value.afterMs, reason: value.reason });
}

function isVerdict(value: unknown): value is Verdict {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    (value.kind === "retry" || value.kind === "deadLetter")
  );
}

/** Outcome of a delivery: the handler's verdict, applied to the queue's retry delays. */
export type Outcome =
  | { readonly kind: "acknowledge" }
  /** Returns the message unchanged. The handler was aborted, which is not a failure of the message. */
  | { readonly kind: "release" }
  | { readonly kind: "retry"; readonly delayMs: number; readonly reason: string }
  | { readonly kind: "deadLetter"; readonly reason: string };

export function isLastAttempt(queue: QueueDefinition, attempt: number): boolean {
  return attempt > queue.retryDelaysMs.length;
}

export function outcomeOf(queue: QueueDefinition, attempt: number, verdict: Verdict | undefined): Outcome {
  if (verdict === undefined) return { kind: "acknowledge" };
  if (verdict.kind === "deadLetter") return verdict;
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
  /** Settles the latest delivery. A later redelivery of the message is a new delivery. */
  settle(how: "ack" | "release"): void;
}

export interface SettleContext {
  readonly session: Session;
  readonly queue: QueueConfig;
  readonly envelope: Envelope;
  readonly handle: MessageHandle;
  readonly acknowledgements: Acknowledgements;
  readonly report: (error: unknown) => void;
}

/**
 * Applies an outcome. For a retry or a dead letter, a copy is published and confirmed before the message is acknowledged, so a
 * crash between the two steps duplicates the message instead of losing it. The message stays unacknowledged until the copy is
 * stored.
 */
export async function settle(outcome: Outcome, context: SettleContext): Promise<void> {
  const done = outcome.kind === "acknowledge" || (outcome.kind !== "release" && (await publishCopy(outcome, context)));
  const { handle, acknowledgements } = context;
  if (outcome.kind === "acknowledge") acknowledgements.add(handle.delivery);
  else acknowledgements.take(handle.delivery.envelope);
  handle.settle(done ? "ack" : "release");
}

type CopyOutcome = Extract<Outcome, { kind: "retry" | "deadLetter" }>;

/** Repeats the publish until the copy is stored, the delivery is no longer live, or the handler is aborted. */
async function publishCopy(outcome: CopyOutcome, context: SettleContext): Promise<boolean> {
  const { session, queue, report, handle } = context;
  const [copy, destination] = copyOf(context.envelope, outcome);
  for (let pauseMs = FIRST_PAUSE_MS; handle.delivery.live; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    const result = await session.publish(queue, copy, destination);
    if (result.ok) {
      // If the connection was lost during the publish, the redelivery is acknowledged. Otherwise the message and its copy would
      // both be handled.
      await handle.reattached();
      return true;
    }
    report(toError(result, { queue: queue.name, messageId: copy.id }));
    if (handle.aborted) return false;
    await handle.pause(pauseMs);
  }
  return false;
}

function copyOf(envelope: Envelope, outcome: CopyOutcome): readonly [Envelope, Destination] {
  const reason = shorten(outcome.reason);
  const errors = [...envelope.errors, reason].slice(-MAX_ERRORS);
  return outcome.kind === "retry"
    ? [{ ...envelope, attempt: envelope.attempt + 1, errors, death: null }, { afterMs: outcome.delayMs }]
    : [{ ...envelope, errors, death: { reason, at: Date.now() } }, "dead"];
}

function shorten(reason: string): string {
  const text = reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH)}…` : reason;
  // Shortening can split a surrogate pair, and headers cannot contain one half of it.
  return toWellFormed(text);
}
