import { invalid } from "./arguments.js";
import { QueueError } from "./errors.js";
import type { Outcome } from "./verdict.js";
import { within } from "./within.js";

/**
 * Remembers which messages were handled, so that a duplicate is acknowledged without running its handler again. Structural:
 * any store can offer one. A key is a queue and a message id, so one store may serve several queues.
 *
 * A message is remembered after its handler resolved and before it is acknowledged. So a crash between the two suppresses
 * the redelivery, and one before that has it handled again: never is a message dropped that was not handled to its end.
 * Where either method fails or takes more than 5 seconds, that is reported and the message is handled as if it were new.
 */
export interface Dedupe {
  /** Whether `remember` was called with this key. Asked before the handler runs; anything but `true` means no. */
  seen(key: string): Promise<boolean>;
  /** Not called for messages that are retried or dead-lettered: they have to come again. */
  remember(key: string): Promise<void>;
}

const STORE_TIMEOUT_MS = 5_000;

export function checkDedupe(dedupe: Dedupe): Dedupe {
  if (typeof dedupe?.seen !== "function" || typeof dedupe.remember !== "function") {
    return invalid("dedupe must be an object with the methods seen and remember: see memoryDedupe.");
  }
  return dedupe;
}

type Report = (error: unknown) => void;

/** The suppression of one consumer. Duplicates that are in hand at the same time take turns, and the rest see the first. */
export class Suppression {
  readonly #store: Dedupe;
  readonly #queue: string;
  /** The last in line for each message id. */
  readonly #lines = new Map<string, Promise<unknown>>();

  constructor(store: Dedupe, queue: string) {
    this.#store = store;
    this.#queue = queue;
  }

  /** Does the work unless it was done before. */
  async once(messageId: string, work: () => Promise<Outcome>, report: Report): Promise<Outcome> {
    const ahead = this.#lines.get(messageId);
    const turn = (async () => {
      await ahead;
      return this.#once(messageId, work, report);
    })();
    this.#lines.set(messageId, turn);
    try {
      return await turn;
    } finally {
      if (this.#lines.get(messageId) === turn) this.#lines.delete(messageId);
    }
  }

  async #once(messageId: string, work: () => Promise<Outcome>, report: Report): Promise<Outcome> {
    // No queue name holds a slash, so no two messages share a key.
    const key = `${this.#queue}/${messageId}`;
    if ((await this.#ask(() => this.#store.seen(key), messageId, report)) === true) return { kind: "acknowledge" };
    const outcome = await work();
    if (outcome.kind === "acknowledge") await this.#ask(() => this.#store.remember(key), messageId, report);
    return outcome;
  }

  /** undefined where the store fails: a duplicate that is handled is better than a message that is not. */
  async #ask<T>(question: () => Promise<T>, messageId: string, report: Report): Promise<T | undefined> {
    try {
      return await within((async () => question())(), STORE_TIMEOUT_MS, () => this.#overdue(messageId));
    } catch (error) {
      report(error);
      return undefined;
    }
  }

  #overdue(messageId: string): QueueError {
    const message = `The dedupe store did not answer within ${STORE_TIMEOUT_MS} ms; a duplicate may be handled again.`;
    return new QueueError("TIMEOUT", message, { queue: this.#queue, messageId });
  }
}
