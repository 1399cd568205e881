import type { DeadLetter } from "./broker.js";
import type { Answer, Envelope, QueueShape, Session } from "./driver.js";

/** Dead letters, oldest first, left where they are. */
export async function listDeadLetters(
  session: Session,
  queue: QueueShape,
  limit: number,
): Promise<Answer<readonly DeadLetter[]>> {
  const letters: DeadLetter[] = [];
  const answer = await session.visitDead(queue, async (letter) => {
    letters.push(describe(letter));
    return letters.length < limit ? "keep" : "stop";
  });
  return answer.ok ? { ok: true, value: letters } : answer;
}

/** Copies dead letters back to their queue, each confirmed before its letter is removed. */
export async function redrive(
  session: Session,
  queue: QueueShape,
  selection: { readonly limit: number; readonly ids: ReadonlySet<string> | null },
): Promise<Answer<number>> {
  let redriven = 0;
  let refused: Answer = { ok: true, value: undefined };
  const answer = await session.visitDead(queue, async (letter) => {
    if (redriven >= selection.limit) return "stop";
    if (selection.ids !== null && !selection.ids.has(letter.id)) return "keep";
    refused = await session.publish(queue, { ...letter, attempt: 1, errors: [], death: null }, "ready");
    if (!refused.ok) return "stop";
    redriven++;
    return "remove";
  });
  if (!refused.ok) return refused;
  return answer.ok ? { ok: true, value: redriven } : answer;
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
