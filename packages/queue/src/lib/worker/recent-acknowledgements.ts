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

/** Messages that a worker acknowledged in the last five seconds, at most 10,000. */
export class RecentAcknowledgements {
  #messages: Acknowledged[] = [];

  add(envelope: Envelope, origin: string | undefined): void {
    this.#messages.push({ envelope, origin, at: performance.now() });
    if (this.#messages.length >= 2 * MAX_KEPT) this.trim();
  }

  /** Forgets the messages that are too old. Called at each heartbeat, so that they do not occupy memory. */
  trim(): void {
    const oldest = performance.now() - KEEP_MS;
    const first = this.#messages.findIndex(({ at }) => at >= oldest);
    this.#messages = first === -1 ? [] : this.#messages.slice(Math.max(first, this.#messages.length - MAX_KEPT));
  }

  /** Returns the messages, oldest first, and forgets them. */
  take(): readonly Acknowledged[] {
    this.trim();
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }
}
