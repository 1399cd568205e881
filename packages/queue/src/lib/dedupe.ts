import { invalid, show } from "./arguments.js";
import { QueueError } from "./errors.js";
import type { Outcome } from "./settlement.js";
import { withTimeout } from "./timers.js";
import type { Dedupe } from "./types.js";

/** Maximum duration of a call of a dedupe store. */
const STORE_TIMEOUT_MS = 5_000;

export function checkDedupe(dedupe: Dedupe): Dedupe {
  if (typeof dedupe?.seen !== "function" || typeof dedupe.remember !== "function") {
    return invalid(
      `\`dedupe\` must be an object with the methods \`seen\` and \`remember\` (got ${show(dedupe)}). \`memoryDedupe()\` creates one.`,
    );
  }
  return dedupe;
}

type Report = (error: unknown) => void;

/** Deduplication for one consumer. Messages with the same id are handled one after the other, so later ones see the first. */
export class Deduplicator {
  readonly #store: Dedupe;
  readonly #queue: string;
  /** Last pending call for each message id. */
  readonly #pending = new Map<string, Promise<unknown>>();

  constructor(store: Dedupe, queue: string) {
    this.#store = store;
    this.#queue = queue;
  }

  /** Runs `handle` unless a message with this id was handled before. */
  async handleOnce(messageId: string, handle: () => Promise<Outcome>, report: Report): Promise<Outcome> {
    const previous = this.#pending.get(messageId);
    const current = (async () => {
      await previous;
      return this.#handleOnce(messageId, handle, report);
    })();
    this.#pending.set(messageId, current);
    try {
      return await current;
    } finally {
      if (this.#pending.get(messageId) === current) this.#pending.delete(messageId);
    }
  }

  async #handleOnce(messageId: string, handle: () => Promise<Outcome>, report: Report): Promise<Outcome> {
    // A queue name contains no slash, so the key is unambiguous.
    const key = `${this.#queue}/${messageId}`;
    const seen = await this.#callStore(() => this.#store.seen(key), messageId, report);
    if (seen === true) return { kind: "acknowledge" };
    const outcome = await handle();
    if (outcome.kind === "acknowledge") await this.#callStore(() => this.#store.remember(key), messageId, report);
    return outcome;
  }

  /** Calls the store. Returns undefined if it fails: handling a duplicate is better than dropping a message. */
  async #callStore<T>(call: () => Promise<T>, messageId: string, report: Report): Promise<T | undefined> {
    try {
      return await withTimeout((async () => call())(), STORE_TIMEOUT_MS, () => this.#timeoutError(messageId));
    } catch (error) {
      report(error);
      return undefined;
    }
  }

  #timeoutError(messageId: string): QueueError {
    const message =
      `The dedupe store did not respond within ${STORE_TIMEOUT_MS} ms for message "${messageId}" of queue "${this.#queue}". ` +
      "A duplicate may be handled again. Check the store.";
    return new QueueError("TIMEOUT", message, { queue: this.#queue, messageId });
  }
}
