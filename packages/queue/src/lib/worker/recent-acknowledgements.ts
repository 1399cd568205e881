import type { Envelope } from "../driver.js";

/** Time after which the store has a change even if it is restarted. */
const KEEP_MS = 5_000;
const MAX_KEPT = 10_000;

interface Acknowledged {
  readonly envelope: Envelope;
  /** Origin for another look at the message. */
  readonly origin: string | undefined;
  /** Value of `performance.now()`. */
  readonly at: number;
}

/**
 * Messages that a worker acknowledged in the last five seconds, at most 10,000. If the store is unavailable, this means the last five
 * seconds before its outage.
 */
export class RecentAcknowledgements {
  #messages: Acknowledged[] = [];

  add(envelope: Envelope, origin: string | undefined): void {
    this.#messages.push({ envelope, origin, at: performance.now() });
    if (this.#messages.length >= 2 * MAX_KEPT) this.#messages = this.#newest(0);
  }

  /** Forgets the messages that are too old. Called after each contact with the store, which has all changes of an older time. */
  trim(): void {
    const oldest = performance.now() - KEEP_MS;
    const first = this.#messages.findIndex(({ at }) => at >= oldest);
    this.#messages = first === -1 ? [] : this.#newest(first);
  }

  /** Returns the messages, oldest first, and forgets them. */
  take(): readonly Acknowledged[] {
    const messages = this.#newest(0);
    this.#messages = [];
    return messages;
  }

  /** Returns the newest messages from this index on, at most 10,000. */
  #newest(first: number): Acknowledged[] {
    return this.#messages.slice(Math.max(first, this.#messages.length - MAX_KEPT));
  }
}
