import { CONTENT_ID_PREFIX } from "./arguments.js";
import type { Delivery, Envelope } from "./driver.js";

/** Maximum number of missing acknowledgements: enough for many successive lost connections. */
const MOST_MISSING = 1_000;

/**
 * Keeps the acknowledgements of one consumer that may not have arrived because their connection was lost. The broker delivers
 * such a message again, although its handler succeeded. That redelivery is acknowledged, and no handler runs.
 *
 * A broker leaves at most `prefetch` messages unacknowledged. So only the last `prefetch` acknowledgements of a connection
 * can be missing, and no more of them are kept. A message published again, also under the same id, is another message: its
 * time of publication differs. Messages without an id are not remembered, because two of them can be equal.
 */
export class Acknowledgements {
  readonly #prefetch: number;
  /** Ring buffer with the keys of the last acknowledgements on the present connection. */
  #sent: string[] = [];
  #next = 0;
  /** Number of acknowledgements that may be missing, by key; the oldest key first. */
  readonly #missing = new Map<string, number>();

  constructor(prefetch: number) {
    this.#prefetch = prefetch;
  }

  /** Records an acknowledgement. Must be called before the delivery is settled. */
  add(delivery: Delivery): void {
    if (delivery.envelope.id.startsWith(CONTENT_ID_PREFIX)) return;
    const key = keyOf(delivery.envelope);
    if (!delivery.live) {
      this.#addMissing(key);
      return;
    }
    this.#sent[this.#next] = key;
    this.#next = (this.#next + 1) % this.#prefetch;
  }

  /** Records that the connection was lost. Must be called before the first delivery of the next connection. */
  connectionLost(): void {
    for (const key of this.#sent) this.#addMissing(key);
    this.#sent = [];
    this.#next = 0;
  }

  /** Returns true if an acknowledgement of this message may be missing, and counts it as found. */
  take(envelope: Envelope): boolean {
    if (this.#missing.size === 0) return false;
    const key = keyOf(envelope);
    const count = this.#missing.get(key) ?? 0;
    if (count > 1) this.#missing.set(key, count - 1);
    else this.#missing.delete(key);
    return count > 0;
  }

  #addMissing(key: string): void {
    this.#missing.set(key, (this.#missing.get(key) ?? 0) + 1);
    if (this.#missing.size <= Math.max(MOST_MISSING, this.#prefetch)) return;
    for (const oldest of this.#missing.keys()) {
      this.#missing.delete(oldest);
      return;
    }
  }
}

function keyOf({ id, attempt, publishedAt }: Envelope): string {
  return `${attempt} ${publishedAt} ${id}`;
}
