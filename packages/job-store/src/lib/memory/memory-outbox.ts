import { Condition } from "../condition.js";
import type { OutboxStorage, OutgoingMessage, StoredMessage } from "../driver.js";
import type { StoredJob } from "./stored-job.js";
import type { KeptMessage } from "./work-state.js";

/** Entry whose payload is JSON text, so that readers share no objects. */
type StoredEntry = Omit<StoredMessage, "payload"> & { readonly payload: string };
type Entry = StoredEntry & { readonly claimedUntil: number };

/** Longest time for which a waiting reader does nothing, in milliseconds. Its claims are contacts with the storage. */
const CONTACT_MS = 1000;

/** Outbox in memory: entries in commit order, and rejected entries. */
export class MemoryOutbox implements OutboxStorage {
  #entries = new Map<string, Entry>();
  readonly #rejected = new Map<string, StoredEntry & { readonly reason: string }>();
  readonly #readers = new Condition();
  readonly #beforeClaim: () => void;
  readonly #msToNext: () => number;
  #sequence = 0;

  /** @param table Adds the messages that are due. `msToNext` is the time until the next one is due. */
  constructor(table: { readonly beforeClaim: () => void; readonly msToNext: () => number }) {
    this.#beforeClaim = table.beforeClaim;
    this.#msToNext = table.msToNext;
  }

  /** Adds the messages of a change. */
  add(job: StoredJob, messages: readonly OutgoingMessage[]): void {
    messages.forEach(({ id, ...message }, position) => {
      this.append(job, { ...message, id: id ?? `${job.id}.${job.version}.${position}` });
    });
  }

  /** Adds a message with the present version of the job as its origin. */
  append({ id: jobId, createdAt, attempt, version }: StoredJob, { id, queue, payload, headers }: KeptMessage): void {
    const entryId = `${Date.now()}-${this.#sequence++}`;
    const origin = { createdAt, attempt, version, dueAt: 0 };
    const at = Date.now();
    this.#entries.set(entryId, { entryId, jobId, at, id, queue, payload, headers, origin, claimedUntil: 0 });
    this.#readers.notify();
  }

  /** Makes the waiting readers look for messages. */
  wake(): void {
    this.#readers.notify();
  }

  /** @param check Called before each search, also after a wait. Throws if the storage is unavailable. */
  async claim(
    options: { limit: number; waitMs: number; claimMs: number; signal: AbortSignal },
    check: () => void = () => {},
  ) {
    const end = Date.now() + options.waitMs;
    for (;;) {
      check();
      this.#beforeClaim();
      const now = Date.now();
      const due = [...this.#entries.values()].filter((entry) => entry.claimedUntil <= now).slice(0, options.limit);
      for (const entry of due) this.#entries.set(entry.entryId, { ...entry, claimedUntil: now + options.claimMs });
      if (due.length > 0 || now >= end || options.signal.aborted) return due.map(toMessage);
      await this.waitForEntries(end - now, options.signal);
    }
  }

  waitForEntries(ms: number, signal: AbortSignal): Promise<void> {
    const next = Math.min(this.#nextClaimEnd() - Date.now(), this.#msToNext(), CONTACT_MS);
    return this.#readers.wait(Math.min(ms, next), signal);
  }

  async ack(entryIds: readonly string[]): Promise<void> {
    for (const id of entryIds) {
      this.#entries.delete(id);
      this.#rejected.delete(id);
    }
  }

  async reject(entryIds: readonly string[], reason: string): Promise<void> {
    for (const id of entryIds) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      this.#entries.delete(id);
      this.#rejected.set(id, { ...entry, reason });
    }
  }

  async rejected(limit: number) {
    return [...this.#rejected.values()]
      .sort((a, b) => a.at - b.at)
      .slice(0, limit)
      .map((entry) => ({ ...toMessage(entry), reason: entry.reason }));
  }

  async countRejected(): Promise<number> {
    return this.#rejected.size;
  }

  async requeue(entryIds: readonly string[]): Promise<void> {
    for (const id of entryIds) {
      const entry = this.#rejected.get(id);
      if (entry === undefined) continue;
      this.#rejected.delete(id);
      this.#entries.set(id, { ...entry, at: Date.now(), claimedUntil: 0 });
    }
    this.#readers.notify();
  }

  async depth(): Promise<number> {
    return this.#entries.size;
  }

  async scheduled(): Promise<number> {
    return 0;
  }

  async oldest(): Promise<number | null> {
    let oldest: number | null = null;
    for (const { at } of this.#entries.values()) oldest = Math.min(oldest ?? at, at);
    return oldest;
  }

  async oldestWait(): Promise<number | null> {
    const oldest = await this.oldest();
    return oldest === null ? null : Date.now() - oldest;
  }

  /** Returns the earliest time at which a claim ends. */
  #nextClaimEnd(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { claimedUntil } of this.#entries.values()) next = Math.min(next, claimedUntil);
    return next;
  }
}

function toMessage(entry: StoredEntry): StoredMessage {
  return { ...entry, payload: JSON.parse(entry.payload) };
}
