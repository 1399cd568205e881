import { done, type Envelope, type QueueConfig, type Result, type Session } from "./driver.js";
import { pause } from "./timers.js";
import type { DeadLetter } from "./types.js";

/** Maximum number of dead letters that are processed at a time. It hides the latency of the confirms. */
const MAX_IN_FLIGHT = 100;

/** Selection of dead letters: the oldest ones that match. */
export interface Selection {
  readonly limit: number;
  /** Message ids; null selects all. */
  readonly ids: ReadonlySet<string> | null;
}

/** Lists dead letters, oldest first, without removing them. */
export async function listDeadLetters(
  session: Session,
  queue: QueueConfig,
  limit: number,
): Promise<Result<readonly DeadLetter[]>> {
  const result = await session.listDead(queue, limit);
  return result.ok ? { ok: true, value: result.value.map(toDeadLetter) } : result;
}

/**
 * Copies dead letters to their queue. Removes each dead letter after its copy is confirmed. Ends at the first failure.
 *
 * @param perSecond maximum number of messages per second; null means no limit
 */
export function redrive(
  session: Session,
  queue: QueueConfig,
  selection: Selection,
  perSecond: number | null,
): Promise<Result<number>> {
  const publishCopy = ({ postponed: _, ...letter }: Envelope) =>
    session.publish(queue, { ...letter, attempt: 1, errors: [], death: null }, "ready");
  return removeAfter(publishCopy, session, queue, selection, perSecond);
}

/** Removes dead letters permanently. */
export function discard(session: Session, queue: QueueConfig, selection: Selection): Promise<Result<number>> {
  return removeAfter(async () => done, session, queue, selection, null);
}

/** Removes each selected dead letter for which `action` succeeds. Returns the number of removed dead letters. */
async function removeAfter(
  action: (letter: Envelope) => Promise<Result>,
  session: Session,
  queue: QueueConfig,
  { limit, ids }: Selection,
  perSecond: number | null,
): Promise<Result<number>> {
  let started = 0;
  let removed = 0;
  let failure: Result = done;
  let nextAt = performance.now();

  /** Waits for the next time slot. A missed slot is not made up for, so no second exceeds the rate. */
  const waitForSlot = async (rate: number) => {
    const now = performance.now();
    const at = Math.max(now, nextAt);
    nextAt = at + 1_000 / rate;
    await pause(Math.ceil(at - now));
  };
  const visit = async (letter: Envelope) => {
    if (started >= limit) return "stop";
    if (ids !== null && !ids.has(letter.id)) return "keep";
    started++;
    if (perSecond !== null) await waitForSlot(perSecond);
    if (!failure.ok) return "stop";
    const result = await action(letter);
    if (!result.ok) {
      failure = result;
      return "stop";
    }
    removed++;
    return "remove";
  };

  // Limited to the messages of one second, so that no message stays unacknowledged for long.
  const concurrency = Math.min(MAX_IN_FLIGHT, perSecond ?? MAX_IN_FLIGHT);
  const result = await session.visitDead(queue, visit, { concurrency });
  if (!failure.ok) return failure;
  return result.ok ? { ok: true, value: removed } : result;
}

function toDeadLetter(letter: Envelope): DeadLetter {
  return {
    id: letter.id,
    body: letter.body,
    ...(letter.origin !== undefined && { origin: letter.origin }),
    reason: letter.death?.reason ?? "unknown",
    attempts: letter.attempt,
    at: new Date(letter.death?.at ?? letter.publishedAt),
    publishedAt: new Date(letter.publishedAt),
    errors: letter.errors,
  };
}
