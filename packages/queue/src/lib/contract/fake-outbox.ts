import type { RelayOutbox } from "../relay.js";
import type { RelayEntry } from "../relay-entry.js";

/** Hands an entry out once, and again where the acknowledgement failed. */
export class FakeOutbox implements RelayOutbox {
  readonly acknowledged: string[] = [];
  readonly rejected = new Map<string, string>();
  failures = { read: 0, ack: 0 };
  /** For how long the last reader asked to have the entries to itself. */
  claimMs: number | undefined;
  readonly #waiting: RelayEntry[];
  readonly #inHand = new Map<string, RelayEntry>();

  constructor(entries: readonly RelayEntry[]) {
    this.#waiting = [...entries];
  }

  async read({
    limit = 100,
    claimMs,
  }: {
    readonly limit?: number;
    readonly claimMs?: number;
  } = {}): Promise<readonly RelayEntry[]> {
    this.claimMs = claimMs;
    if (this.failures.read-- > 0) throw new Error("read");
    const entries = this.#waiting.splice(0, limit);
    for (const read of entries) this.#inHand.set(read.entryId, read);
    return entries;
  }

  async ack(entryIds: readonly string[]): Promise<void> {
    if (this.failures.ack-- > 0) {
      this.handOutAgain();
      throw new Error("ack");
    }
    for (const entryId of entryIds) this.#inHand.delete(entryId);
    this.acknowledged.push(...entryIds);
  }

  /** What was read and not acknowledged. */
  handOutAgain(): void {
    this.#waiting.push(...this.#inHand.values());
  }

  async reject(entryIds: readonly string[], reason: string): Promise<void> {
    for (const entryId of entryIds) this.rejected.set(entryId, reason);
  }
}
