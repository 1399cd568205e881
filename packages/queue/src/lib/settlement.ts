import type { Acknowledgements } from "./acknowledgements.js";
import type { Delivery, Envelope, Place, QueueShape, Session } from "./driver.js";
import { toError } from "./failures.js";
import { toWellFormed } from "./text.js";
import type { Outcome } from "./verdict.js";

/** Headers carry the errors, so their number and length are bounded. */
const MAX_ERRORS = 10;
const MAX_REASON_LENGTH = 300;
const LONGEST_PAUSE_MS = 5_000;

/** A message in hand. After a reconnect, another delivery may have taken the place of the first. */
export interface Held {
  readonly delivery: Delivery;
  /** Settles once there is a live delivery again, or none is expected. */
  adopted(): Promise<void>;
  /** The handler was called back: the message goes back unless it has been settled. */
  readonly recalled: boolean;
  /** Resolves after `ms`, or when the handler is called back. */
  pause(ms: number): Promise<void>;
  /** The end of it here: what arrives of this message from now on is another delivery. */
  settle(how: "ack" | "release"): void;
}

export interface Settling {
  readonly session: Session;
  readonly queue: QueueShape;
  readonly envelope: Envelope;
  readonly held: Held;
  readonly acknowledgements: Acknowledgements;
  readonly report: (error: unknown) => void;
}

/**
 * Does what was decided. A retry and a dead letter are a confirmed copy first and an acknowledgement second, so a crash
 * between them makes two, never none. While the copy cannot be stored the message stays in hand.
 */
export async function settle(outcome: Outcome, context: Settling): Promise<void> {
  const settled = outcome.kind === "acknowledge" || (outcome.kind !== "release" && (await copied(outcome, context)));
  const { held, acknowledgements } = context;
  if (outcome.kind === "acknowledge") acknowledgements.add(held.delivery);
  else acknowledgements.take(held.delivery.envelope);
  held.settle(settled ? "ack" : "release");
}

/** Tries until the copy is stored, the message is no longer ours, or the consumer gives up. */
async function copied(outcome: CopyingOutcome, context: Settling): Promise<boolean> {
  const { session, queue, report, held } = context;
  const [copy, place] = copyFor(outcome, context.envelope);
  for (let pauseMs = 200; held.delivery.live; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const answer = await session.publish(queue, copy, place);
    if (answer.ok) {
      // Cut off meanwhile, the message comes back: it is acknowledged then, instead of running beside its copy.
      await held.adopted();
      return true;
    }
    report(toError(answer, { queue: queue.name, messageId: copy.id }));
    if (held.recalled) return false;
    await held.pause(pauseMs);
  }
  return false;
}

type CopyingOutcome = Extract<Outcome, { kind: "retry" | "deadLetter" }>;

function copyFor(outcome: CopyingOutcome, envelope: Envelope): readonly [Envelope, Place] {
  const reason = shorten(outcome.reason);
  const errors = [...envelope.errors, reason].slice(-MAX_ERRORS);
  return outcome.kind === "retry"
    ? [{ ...envelope, attempt: envelope.attempt + 1, errors, death: null }, { afterMs: outcome.delayMs }]
    : [{ ...envelope, errors, death: { reason, at: Date.now() } }, "dead"];
}

function shorten(reason: string): string {
  const text = reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH)}…` : reason;
  // A cut may leave half a surrogate pair, which no header carries.
  return toWellFormed(text);
}
