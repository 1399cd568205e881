import type { DeadLetter } from "./broker.js";
import { type Answer, done, type Envelope, type QueueShape, type Session } from "./driver.js";
import { pause } from "./pause.js";

/** Letters under way at a time: enough that the confirms of their copies are not what it waits for. */
const UNDER_WAY = 100;

/** Which letters: of the chosen ones the oldest. */
export interface Selection {
  readonly limit: number;
  /** null: all of them. */
  readonly ids: ReadonlySet<string> | null;
}

/** Dead letters, oldest first, left where they are. */
export async function listDeadLetters(
  session: Session,
  queue: QueueShape,
  limit: number,
): Promise<Answer<readonly DeadLetter[]>> {
  const answer = await session.listDead(queue, limit);
  return answer.ok ? { ok: true, value: answer.value.map(describe) } : answer;
}

/** Copies dead letters back to their queue, each confirmed before its letter is removed. Ends with the first refusal. */
export function redrive(
  session: Session,
  queue: QueueShape,
  selection: Selection,
  /** null: as fast as the broker takes them. */
  perSecond: number | null,
): Promise<Answer<number>> {
  const copy = (letter: Envelope) =>
    session.publish(queue, { ...letter, attempt: 1, errors: [], death: null }, "ready");
  return remove(session, queue, selection, { perSecond, first: copy });
}

/** Removes dead letters for good. */
export function discard(session: Session, queue: QueueShape, selection: Selection): Promise<Answer<number>> {
  return remove(session, queue, selection, { perSecond: null, first: async () => done });
}

/** Removes the letters for which what comes first is done. */
async function remove(
  session: Session,
  queue: QueueShape,
  { limit, ids }: Selection,
  { perSecond, first }: { readonly perSecond: number | null; readonly first: (letter: Envelope) => Promise<Answer> },
): Promise<Answer<number>> {
  let begun = 0;
  let removed = 0;
  let refusal: Answer = done;
  let nextAt = performance.now();

  /** Waits its turn. Time that was lost is not made up for, so no second gets more than its share. */
  const turn = async (rate: number) => {
    const now = performance.now();
    const at = Math.max(now, nextAt);
    nextAt = at + 1_000 / rate;
    await pause(Math.ceil(at - now));
  };
  const visit = async (letter: Envelope) => {
    if (begun >= limit) return "stop";
    if (ids !== null && !ids.has(letter.id)) return "keep";
    begun++;
    if (perSecond !== null) await turn(perSecond);
    if (!refusal.ok) return "stop";
    const answer = await first(letter);
    if (!answer.ok) {
      refusal = answer;
      return "stop";
    }
    removed++;
    return "remove";
  };

  // No more than are due within a second, so that none waits in hand for long.
  const answer = await session.visitDead(queue, visit, { atOnce: Math.min(UNDER_WAY, perSecond ?? UNDER_WAY) });
  if (!refusal.ok) return refusal;
  return answer.ok ? { ok: true, value: removed } : answer;
}

function describe(letter: Envelope): DeadLetter {
  return {
    id: letter.id,
    body: letter.body,
    reason: letter.death?.reason ?? "unknown",
    attempts: letter.attempt,
    at: new Date(letter.death?.at ?? letter.publishedAt),
    publishedAt: new Date(letter.publishedAt),
    errors: letter.errors,
  };
}
