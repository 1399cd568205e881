import { Condition } from "../condition.js";
import type {
  ListedMessage,
  ListPosition,
  OutboxRequest,
  OutboxResult,
  OutboxStorage,
  OutgoingMessage,
  StoredMessage,
} from "../driver.js";
import { comparePositions, type RejectedMessage, readRejected } from "../driver-rules.js";
import type { OutboxKind } from "../outbox.js";
import type { StoredJob } from "./stored-job.js";
import type { KeptMessage } from "./work-state.js";

/** Entry whose payload is JSON text, so that readers share no objects. */
type StoredEntry = Omit<StoredMessage, "payload"> & { readonly payload: string };
type Entry = StoredEntry & {
  readonly claimedUntil: number;
  /** Number that orders the entries, and scheduled messages that are due at the same time. */
  readonly place: number;
};

/** Job after the change that is the origin of a message. */
type Changed = Pick<StoredJob, "id" | "createdAt" | "attempt" | "version">;

/** Longest time for which a waiting reader does nothing, in milliseconds. Its claims are contacts with the storage. */
const CONTACT_MS = 1000;

/** Maximum number of jobs for which the time of the last publication is known. */
const MAX_PUBLISHED = 10_000;

/** Outbox in memory: entries in commit order, messages that are not due yet, and rejected entries. */
export class MemoryOutbox implements OutboxStorage {
  #entries = new Map<string, Entry>();
  /** Delayed messages in the order of their due times. */
  readonly #scheduled: Entry[] = [];
  /** Time at which a message of a job was published last, by job id, oldest first. */
  readonly published = new Map<string, number>();
  readonly #rejected = new Map<string, Entry & { readonly reason: string }>();
  readonly #readers = new Condition();
  readonly #beforeClaim: () => void;
  readonly #msToNext: () => number;
  readonly #onReschedule: (message: StoredMessage, dueAt: number | null) => void;
  #sequence = 0;
  #places = 0;

  /**
   * @param table Adds the messages that are due. `msToNext` is the time until the next one is due. `onReschedule` is called before a
   *   scheduled message gets another due time, or is cancelled (null).
   */
  constructor(table: {
    readonly beforeClaim: () => void;
    readonly msToNext: () => number;
    readonly onReschedule: (message: StoredMessage, dueAt: number | null) => void;
  }) {
    this.#beforeClaim = table.beforeClaim;
    this.#msToNext = table.msToNext;
    this.#onReschedule = table.onReschedule;
  }

  /** Adds the messages of a change. `job`: the job after the change. */
  add(job: StoredJob, messages: readonly OutgoingMessage[]): void {
    messages.forEach(({ id, delayMs, ...message }, position) => {
      const named = { ...message, id: id ?? `${job.id}.${job.version}.${position}` };
      if (delayMs === 0) this.append(job, named);
      else this.#schedule(this.#newEntry(job, named, job.updatedAt + delayMs));
    });
  }

  /** Adds a message with the present version of the job as its origin. */
  append(job: Changed, message: KeptMessage): void {
    const entry = this.#newEntry(job, message, 0);
    this.#entries.set(entry.entryId, entry);
    this.#readers.notify();
  }

  #schedule(entry: Entry): void {
    const before = this.#scheduled.findLastIndex(({ at }) => at <= entry.at);
    this.#scheduled.splice(before + 1, 0, entry);
    this.#readers.notify();
  }

  #newEntryId(now: number): string {
    return `${now}-${this.#sequence++}`;
  }

  #newEntry(
    { id: jobId, createdAt, attempt, version }: Changed,
    { id, queue, payload, headers }: KeptMessage,
    dueAt: number,
  ): Entry {
    const now = Date.now();
    const entryId = this.#newEntryId(now);
    const origin = { createdAt, attempt, version, dueAt };
    return {
      entryId,
      jobId,
      at: dueAt || now,
      id,
      queue,
      payload,
      headers,
      origin,
      claimedUntil: 0,
      place: this.#places++,
    };
  }

  /** Makes the waiting readers look for messages. */
  wake(): void {
    this.#readers.notify();
  }

  /**
   * Makes entries of messages that are due, no more than the call can return. So an entry that is stored while many messages are due has
   * few of them before it.
   */
  #addDue(limit: number): void {
    const count = Math.min(this.#countDue(), limit);
    for (const entry of this.#scheduled.splice(0, count)) {
      this.#entries.set(entry.entryId, { ...entry, place: this.#places++ });
    }
  }

  #countDue(): number {
    const now = Date.now();
    const next = this.#scheduled.findIndex(({ at }) => at > now);
    return next < 0 ? this.#scheduled.length : next;
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
      this.#addDue(options.limit);
      const due = [...this.#entries.values()].filter((entry) => entry.claimedUntil <= now).slice(0, options.limit);
      for (const entry of due) this.#entries.set(entry.entryId, { ...entry, claimedUntil: now + options.claimMs });
      if (due.length > 0 || now >= end || options.signal.aborted) return due.map(toMessage);
      await this.waitForEntries(end - now, options.signal);
    }
  }

  waitForEntries(ms: number, signal: AbortSignal): Promise<void> {
    const nextAt = Math.min(this.#nextClaimEnd(), this.#scheduled[0]?.at ?? Number.POSITIVE_INFINITY);
    return this.#readers.wait(Math.min(ms, nextAt - Date.now(), this.#msToNext(), CONTACT_MS), signal);
  }

  async ack(entryIds: readonly string[]): Promise<void> {
    for (const id of entryIds) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) this.#notePublished(entry.jobId);
      this.#entries.delete(id);
      this.#rejected.delete(id);
    }
  }

  #notePublished(jobId: string): void {
    // A new entry of a Map is its last one.
    this.published.delete(jobId);
    this.published.set(jobId, Date.now());
    const [first] = this.published.keys();
    if (first !== undefined && this.published.size > MAX_PUBLISHED) this.published.delete(first);
  }

  async reject(entryIds: readonly string[], reason: string): Promise<void> {
    for (const id of entryIds) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      this.#entries.delete(id);
      this.#rejected.set(id, { ...entry, reason });
    }
  }

  rejected(limit: number): Promise<readonly RejectedMessage[]> {
    return readRejected(this, limit);
  }

  async list({ kind, start, limit }: OutboxRequest): Promise<OutboxResult> {
    const after = start?.[0] ?? null;
    const rest = this.#listed(kind).filter(({ position }) => after === null || comparePositions(position, after) > 0);
    const messages = rest.slice(0, limit);
    const last = messages.at(-1);
    return { messages, next: rest.length > limit && last !== undefined ? [last.position] : null };
  }

  async ofJob(jobId: string, limit: number): ReturnType<OutboxStorage["ofJob"]> {
    const all = (["waiting", "scheduled", "rejected"] as const).map((kind) => this.#listed(kind));
    const messages = all.flatMap((ofKind): readonly ListedMessage[] => ofKind.slice(0, limit));
    return {
      messages: messages.filter((message) => message.jobId === jobId),
      complete: all.every((ofKind) => ofKind.length <= limit),
    };
  }

  /** Returns the messages of a kind in order. Those that are due become entries at the next claim, after the present ones. */
  #listed(kind: OutboxKind): OutboxResult["messages"] {
    const now = Date.now();
    const due = this.#countDue();
    const position = (at: number, { place }: Entry): ListPosition => ({ at, id: String(place).padStart(16, "0") });
    switch (kind) {
      case "waiting": {
        const waiting = [...this.#entries.values()].map((entry) => ({ entry, position: position(0, entry) }));
        const next = this.#scheduled.slice(0, due).map((entry) => ({ entry, position: position(entry.at, entry) }));
        return [...waiting, ...next].map((one) => ({
          ...toMessage(one.entry),
          position: one.position,
          kind,
          claimed: one.entry.claimedUntil > now,
        }));
      }
      case "scheduled":
        return this.#scheduled.slice(due).map((entry) => ({
          ...toMessage(entry),
          position: position(entry.at, entry),
          kind,
          dueAt: entry.at,
        }));
      case "rejected":
        return [...this.#rejected.values()]
          .map((entry) => ({
            ...toMessage(entry),
            position: position(entry.at, entry),
            kind,
            reason: entry.reason,
          }))
          .sort((a, b) => comparePositions(a.position, b.position));
    }
  }

  async countRejected(): Promise<number> {
    return this.#rejected.size;
  }

  async requeue(entryIds: readonly string[]): Promise<void> {
    for (const id of entryIds) {
      const entry = this.#rejected.get(id);
      if (entry === undefined) continue;
      this.#rejected.delete(id);
      const at = Date.now();
      // A message that was delayed is due now.
      const origin = entry.origin?.dueAt ? { ...entry.origin, dueAt: at } : entry.origin;
      const entryId = this.#newEntryId(at);
      this.#entries.set(entryId, { ...entry, entryId, at, origin, claimedUntil: 0, place: this.#places++ });
    }
    this.#readers.notify();
  }

  async reschedule(entryIds: readonly string[], at: number): Promise<readonly boolean[]> {
    return entryIds.map((id) => {
      const entry = this.#takeScheduled(id);
      if (entry === null) return false;
      const now = Date.now();
      // The due time is later than now, because a claim at this time covers the messages that were due before it. This one was not.
      const dueAt = Math.max(at, now + 1);
      this.#onReschedule(toMessage(entry), dueAt);
      const changed = {
        ...entry,
        at: dueAt,
        origin: entry.origin && { ...entry.origin, dueAt },
        place: this.#places++,
      };
      if (at > now) this.#schedule(changed);
      else this.#entries.set(id, changed);
      this.#readers.notify();
      return true;
    });
  }

  async cancel(entryIds: readonly string[]): Promise<readonly boolean[]> {
    return entryIds.map((id) => {
      const entry = this.#takeScheduled(id);
      if (entry !== null) this.#onReschedule(toMessage(entry), null);
      return entry !== null;
    });
  }

  /** Removes a message that is not due yet. Returns null if there is none with this id. */
  #takeScheduled(id: string): Entry | null {
    const position = this.#scheduled.findIndex(({ entryId }) => entryId === id);
    return position < this.#countDue() ? null : (this.#scheduled.splice(position, 1)[0] ?? null);
  }

  async depth(): Promise<number> {
    return this.#entries.size + this.#countDue();
  }

  async scheduled(): Promise<number> {
    return this.#scheduled.length - this.#countDue();
  }

  async oldest(): Promise<number | null> {
    let oldest = this.#countDue() === 0 ? null : (this.#scheduled[0]?.at ?? null);
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
