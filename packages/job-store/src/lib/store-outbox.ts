import { withAnyOf } from "./abort.js";
import { checkInteger, checkOptions, invalid } from "./arguments.js";
import type { OutboxStorage, StoredMessage } from "./driver.js";
import type { InFlightCalls } from "./in-flight-calls.js";
import { OUTBOX_READ_OPTIONS, REJECTED_OPTIONS } from "./option-keys.js";
import { originText } from "./origin.js";
import type { Outbox, OutboxEntry } from "./outbox.js";

/** Format of an entry id: two numbers, or three in a store with shards. */
const ENTRY_ID = /^(\d{1,4}-)?\d{1,16}-\d{1,16}$/;

/** Outbox for any driver: checks arguments and converts the entries of the storage. */
export class StoreOutbox implements Outbox {
  readonly #storage: OutboxStorage;
  readonly #calls: InFlightCalls;
  readonly #definition: string;

  /** @param definition Name of the definition, for the origins of the entries. */
  constructor(storage: OutboxStorage, calls: InFlightCalls, definition: string) {
    this.#definition = definition;
    this.#storage = storage;
    this.#calls = calls;
  }

  async read(options: Parameters<Outbox["read"]>[0] = {}): Promise<readonly OutboxEntry[]> {
    const { signal } = checkOptions(options, OUTBOX_READ_OPTIONS, "outbox.read");
    const claim = {
      limit: checkInteger(options.limit ?? 100, "limit", 1, 1000),
      waitMs: checkInteger(options.waitMs ?? 0, "waitMs", 0, 3_600_000),
      claimMs: checkInteger(options.claimMs ?? 30_000, "claimMs", 1, 86_400_000),
    };
    if (signal?.aborted === true) return [];
    const ends = signal === undefined ? [this.#calls.signal] : [this.#calls.signal, signal];
    const messages = await this.#calls.run(() =>
      withAnyOf(ends, (end) => this.#storage.claim({ ...claim, signal: end })),
    );
    return messages.map((message) => this.#toEntry(message));
  }

  ack(entryIds: readonly string[]): Promise<void> {
    return this.#each(entryIds, () => this.#storage.ack(entryIds));
  }

  async reject(entryIds: readonly string[], reason: string): Promise<void> {
    if (typeof reason !== "string") return invalid("`reason` must be a string.");
    return this.#each(entryIds, () => this.#storage.reject(entryIds, reason));
  }

  async rejected(options: Parameters<Outbox["rejected"]>[0] = {}) {
    checkOptions(options, REJECTED_OPTIONS, "outbox.rejected");
    const limit = checkInteger(options.limit ?? 100, "limit", 1, 1000);
    const messages = await this.#calls.run(() => this.#storage.rejected(limit));
    return messages.map((message) => ({ ...this.#toEntry(message), reason: message.reason }));
  }

  countRejected(): Promise<number> {
    return this.#calls.run(() => this.#storage.countRejected());
  }

  requeue(entryIds: readonly string[]): Promise<void> {
    return this.#each(entryIds, () => this.#storage.requeue(entryIds));
  }

  depth(): Promise<number> {
    return this.#calls.run(() => this.#storage.depth());
  }

  scheduled(): Promise<number> {
    return this.#calls.run(() => this.#storage.scheduled());
  }

  async oldest(): Promise<Date | null> {
    const at = await this.#calls.run(() => this.#storage.oldest());
    return at === null ? null : new Date(at);
  }

  async #each(entryIds: readonly string[], call: () => Promise<void>): Promise<void> {
    if (!Array.isArray(entryIds) || entryIds.some((id) => typeof id !== "string" || !ENTRY_ID.test(id))) {
      return invalid("`entryIds` must be an array of entry ids that `read` or `rejected` returned.");
    }
    if (entryIds.length > 0) await this.#calls.run(call);
  }

  #toEntry({ entryId, jobId, at, queue, id, payload, headers, origin }: StoredMessage): OutboxEntry {
    return {
      entryId,
      jobId,
      at: new Date(at),
      queue,
      id,
      payload,
      headers,
      ...(origin !== null && { origin: originText({ definition: this.#definition, queue, jobId }, origin) }),
    };
  }
}
