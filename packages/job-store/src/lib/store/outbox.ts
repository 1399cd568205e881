import { withAnyOf } from "../abort.js";
import { checkDate, checkId, checkInteger, checkOptions, invalid, show } from "../arguments.js";
import { readOutboxCursor, writeOutboxCursor } from "../cursor.js";
import type { JobStorage, ListedMessage, OutboxStorage, StoredMessage } from "../driver.js";
import { originText } from "../origin.js";
import type {
  JobMessages,
  ListedEntry,
  Outbox,
  OutboxEntry,
  OutboxKind,
  OutboxPage,
  OutboxQuery,
  RescheduleOptions,
} from "../outbox.js";
import type { InFlightCalls } from "./in-flight-calls.js";
import { OUTBOX_LIST_OPTIONS, OUTBOX_READ_OPTIONS, REJECTED_OPTIONS, RESCHEDULE_OPTIONS } from "./option-keys.js";

/** Format of an entry id: two numbers, or three in a store with shards. */
const ENTRY_ID = /^(\d{1,4}-)?\d{1,16}-\d{1,16}$/;

/** Number of messages of each kind that a search for the messages of a job reads. */
export const SEARCHED = 1000;

/** Outbox for any driver: checks arguments and converts the entries of the storage. */
export class StoreOutbox implements Outbox {
  readonly #storage: OutboxStorage;
  /** Number of positions in a list of messages. */
  readonly #positions: number;
  readonly #calls: InFlightCalls;
  readonly #definition: string;

  /** @param definition Name of the definition, for the origins of the entries. */
  constructor(storage: Pick<JobStorage, "outbox" | "logs">, calls: InFlightCalls, definition: string) {
    this.#definition = definition;
    this.#storage = storage.outbox;
    this.#positions = storage.logs.length;
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

  async list<K extends OutboxKind>(query: OutboxQuery<K>): Promise<OutboxPage<K>> {
    const { cursor } = checkOptions(query, OUTBOX_LIST_OPTIONS, "outbox.list");
    const kind = checkKind(query.kind);
    const limit = checkInteger(query.limit ?? 50, "limit", 1, 1000);
    const start = cursor === undefined ? null : readOutboxCursor(this.#definition, kind, this.#positions, cursor);
    const { messages, next } = await this.#calls.run(() => this.#storage.list({ kind, start, limit }));
    return {
      // The storage returns only messages of the requested kind.
      entries: messages.map((message) => this.#toListed(message)) as unknown as OutboxPage<K>["entries"],
      ...(next !== null && { cursor: writeOutboxCursor(this.#definition, kind, next) }),
    };
  }

  async ofJob(jobId: string): Promise<JobMessages> {
    const id = checkId(jobId);
    const { messages, complete } = await this.#calls.run(() => this.#storage.ofJob(id, SEARCHED));
    return { entries: messages.map((message) => this.#toListed(message)), complete };
  }

  countRejected(): Promise<number> {
    return this.#calls.run(() => this.#storage.countRejected());
  }

  requeue(entryIds: readonly string[]): Promise<void> {
    return this.#each(entryIds, () => this.#storage.requeue(entryIds));
  }

  async reschedule(entryIds: readonly string[], when: RescheduleOptions): Promise<readonly boolean[]> {
    const at = checkDate(checkOptions(when, RESCHEDULE_OPTIONS, "outbox.reschedule").at, "at");
    return checkEntryIds(entryIds).length === 0 ? [] : this.#calls.run(() => this.#storage.reschedule(entryIds, at));
  }

  async cancel(entryIds: readonly string[]): Promise<readonly boolean[]> {
    return checkEntryIds(entryIds).length === 0 ? [] : this.#calls.run(() => this.#storage.cancel(entryIds));
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
    if (checkEntryIds(entryIds).length > 0) await this.#calls.run(call);
  }

  #toListed(message: ListedMessage): ListedEntry {
    const entry = this.#toEntry(message);
    switch (message.kind) {
      case "waiting":
        return { kind: message.kind, ...entry, claimed: message.claimed };
      case "scheduled":
        return { kind: message.kind, ...entry, dueAt: new Date(message.dueAt) };
      case "rejected":
        return { kind: message.kind, ...entry, reason: message.reason };
    }
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

function checkEntryIds(entryIds: readonly string[]): readonly string[] {
  if (!Array.isArray(entryIds) || entryIds.some((id) => typeof id !== "string" || !ENTRY_ID.test(id))) {
    return invalid("`entryIds` must be an array of entry ids that `read`, `list` or `rejected` returned.");
  }
  return entryIds;
}

const KINDS: readonly unknown[] = ["waiting", "scheduled", "rejected"] satisfies OutboxKind[];

function checkKind<K extends OutboxKind>(kind: K): K {
  if (KINDS.includes(kind)) return kind;
  return invalid(`\`kind\` must be "waiting", "scheduled" or "rejected" (got ${show(kind)}).`);
}
