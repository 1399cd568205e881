import { checkDuration, checkOptions, invalid, type KeysOf } from "./arguments.js";
import type { QueueDefinition } from "./definition.js";

/**
 * What a handler may say about its message. One that resolves without a verdict acknowledges it; one that throws has it
 * retried after the next declared delay, and dead-lettered after the last.
 */
export type Verdict =
  | { readonly kind: "retry"; readonly afterMs?: number; readonly reason?: string }
  | { readonly kind: "deadLetter"; readonly reason: string };

const RETRY_OPTIONS: KeysOf<NonNullable<Parameters<typeof retry>[0]>> = { afterMs: true, reason: true };

/**
 * Asks for another attempt, as throwing does, but without an error to report.
 *
 * @param options.afterMs milliseconds; picks the shortest declared delay that is not shorter, else the longest.
 *   @default the next declared delay
 * @param options.reason kept with the message, for whoever reads its dead letter; cut at 300 characters
 * @throws QueueError INVALID_ARGUMENT
 */
export function retry(options?: {
  readonly afterMs?: number | undefined;
  readonly reason?: string | undefined;
}): Verdict {
  const { afterMs, reason } = checkOptions(options, RETRY_OPTIONS, "retry");
  if (afterMs !== undefined) checkDuration(afterMs, "afterMs");
  if (reason !== undefined && typeof reason !== "string") return invalid("The reason for a retry must be a string.");
  return { kind: "retry", ...(afterMs !== undefined && { afterMs }), ...(reason !== undefined && { reason }) };
}

/**
 * Gives the message up at once, whatever attempts are left.
 *
 * @param reason for whoever reads the dead letter; cut at 300 characters
 * @throws QueueError INVALID_ARGUMENT
 */
export function deadLetter(reason: string): Verdict {
  if (typeof reason !== "string") return invalid("The reason for a dead letter must be a string.");
  return { kind: "deadLetter", reason };
}

/** What becomes of a message: the handler's verdict, read against the delays that its queue declares. */
export type Outcome =
  | { readonly kind: "acknowledge" }
  /** Back to its queue as it came: the handler was called back, which is no failure of the message. */
  | { readonly kind: "release" }
  | { readonly kind: "retry"; readonly delayMs: number; readonly reason: string }
  | { readonly kind: "deadLetter"; readonly reason: string };

export function isLastAttempt(queue: QueueDefinition, attempt: number): boolean {
  return attempt > queue.retryDelaysMs.length;
}

export function outcomeOf(queue: QueueDefinition, attempt: number, verdict: Verdict | undefined): Outcome {
  if (verdict === undefined) return { kind: "acknowledge" };
  if (verdict.kind === "deadLetter") return verdict;
  const reason = verdict.reason ?? "The handler asked for a retry.";
  if (isLastAttempt(queue, attempt)) return { kind: "deadLetter", reason };
  return { kind: "retry", delayMs: delayFor(queue, attempt, verdict.afterMs), reason };
}

function delayFor(queue: QueueDefinition, attempt: number, afterMs: number | undefined): number {
  if (afterMs === undefined) return queue.retryDelaysMs[attempt - 1] ?? 0;
  const longEnough = queue.retryDelaysMs.filter((delay) => delay >= afterMs);
  return longEnough.length > 0 ? Math.min(...longEnough) : Math.max(...queue.retryDelaysMs);
}
