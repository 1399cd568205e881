import { CONTENT_ID_PREFIX } from "./arguments.js";
import type { Delivery, Envelope } from "./driver.js";

/** Maximum number of missing acknowledgements: enough for many successive lost connections. */
const MAX_MISSING = 1_000;
/** Maximum length of a stored body in UTF-16 code units. A longer body is replaced by its hash immediately. */
const MAX_STORED_LENGTH = 4_096;

/** Properties that distinguish a message from another one with the same id. */
type Identity = Pick<Envelope, "id" | "attempt" | "publishedAt" | "body" | "headers">;

/**
 * Acknowledgements of one consumer that may not have reached the broker because their connection was lost. The broker redelivers
 * such a message although its handler succeeded. The redelivery is acknowledged without running the handler.
 *
 * At most `prefetch` messages are unacknowledged at a time. So only the last `prefetch` acknowledgements of a connection can be
 * missing, and only these are stored. A message that is published again under the same id is another message: its time of
 * publication or its content differs. Messages without an id are ignored, because two of them can be equal.
 */
export class Acknowledgements {
  readonly #prefetch: number;
  /** Ring buffer with the last acknowledgements on the current connection. */
  #sent: (string | Identity)[] = [];
  #next = 0;
  /** Numbers of acknowledgements that may be missing, by key, the oldest key first. */
  readonly #missing = new Map<string, number>();

  constructor(prefetch: number) {
    this.#prefetch = prefetch;
  }

  /** Records an acknowledgement. Must be called before the delivery is settled. */
  add(delivery: Delivery): void {
    if (delivery.envelope.id.startsWith(CONTENT_ID_PREFIX)) return;
    const { id, attempt, publishedAt, body, headers } = delivery.envelope;
    const identity = { id, attempt, publishedAt, body, headers };
    if (!delivery.live) {
      this.#addMissing(keyOf(identity));
      return;
    }
    this.#sent[this.#next] = body.length > MAX_STORED_LENGTH ? keyOf(identity) : identity;
    this.#next = (this.#next + 1) % this.#prefetch;
  }

  /** Records that the connection was lost. Must be called before the first delivery of the next connection. */
  connectionLost(): void {
    for (const sent of this.#sent) this.#addMissing(typeof sent === "string" ? sent : keyOf(sent));
    this.#sent = [];
    this.#next = 0;
  }

  /** Returns true if an acknowledgement of this message may be missing, and removes it. */
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
    if (this.#missing.size <= Math.max(MAX_MISSING, this.#prefetch)) return;
    for (const oldest of this.#missing.keys()) {
      this.#missing.delete(oldest);
      return;
    }
  }
}

/** Returns the key of a message. Other clients set the time in seconds, so the key contains a hash of the content. */
function keyOf({ id, attempt, publishedAt, body, headers }: Identity): string {
  return `${attempt} ${publishedAt} ${hashOf(body)} ${hashOf(JSON.stringify(headers))} ${id}`;
}

/** Computes a 64-bit hash as text. */
function hashOf(text: string): string {
  let [first, second] = [text.length, 0x9e3779b9];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    first = Math.imul(first ^ unit, 0x85ebca77);
    second = Math.imul(second ^ unit, 0xc2b2ae3d);
    first ^= first >>> 15;
    second ^= second >>> 13;
  }
  return `${first >>> 0} ${second >>> 0}`;
}
