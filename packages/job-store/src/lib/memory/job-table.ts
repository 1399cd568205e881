import type { JobRecord, Reading, WholeJob } from "../driver.js";
import { JobStoreError } from "../errors.js";
import { unref } from "../timers.js";
import { MemoryEventLog } from "./memory-event-log.js";
import { MemoryOutbox } from "./memory-outbox.js";
import { StatusOrder } from "./ranks.js";

/** A stored job: parts in JSON text, so that nobody's object is anybody else's. */
export type StoredJob = WholeJob & { readonly expiresAt: number | null };

/** Jobs that expire within this time are swept out together. */
const SWEEP_AFTER_MS = 1000;

/** What stores over one driver share. */
export class JobTable {
  readonly #jobs = new Map<string, StoredJob>();
  /** Ids of finished jobs, the one that finished first in front. */
  readonly #finished = new Set<string>();
  readonly #ranks = new StatusOrder();
  readonly outbox = new MemoryOutbox();
  readonly log = new MemoryEventLog((id) => this.read(id));
  readonly maxJobs: number;
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweepAt = Number.POSITIVE_INFINITY;

  constructor(maxJobs: number) {
    this.maxJobs = maxJobs;
  }

  get size(): number {
    return this.#jobs.size;
  }

  find(id: string): StoredJob | undefined {
    const job = this.#jobs.get(id);
    if (job === undefined || isLive(job)) return job;
    this.drop(id);
    return undefined;
  }

  read(id: string): Reading {
    const job = this.find(id);
    return job === undefined ? { kind: "absent" } : { kind: "record", record: toRecord(job) };
  }

  *live(): Generator<StoredJob> {
    for (const job of this.#jobs.values()) if (isLive(job)) yield job;
  }

  put(job: StoredJob, finished: boolean): void {
    const before = this.#jobs.get(job.id);
    if (before !== undefined) this.#ranks.replace(before, job);
    else this.#ranks.add(job);
    this.#jobs.set(job.id, job);
    this.#finished.delete(job.id);
    if (finished) this.#finished.add(job.id);
    if (job.expiresAt !== null && job.expiresAt < this.#sweepAt) this.#sweepFrom(job.expiresAt);
  }

  /** Replaces a job that stays where it is. */
  update(before: StoredJob, after: StoredJob): void {
    this.#ranks.replace(before, after);
    this.#jobs.set(after.id, after);
  }

  drop(id: string): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#jobs.delete(id);
    this.#finished.delete(id);
    this.#ranks.remove(job);
  }

  /** Deletes those that entered a status first, as long as it holds more than `most` live jobs. */
  trim(status: string, most: number): void {
    if (this.#ranks.count(status) > most && this.#sweepAt < Date.now()) this.#sweep();
    while (this.#ranks.count(status) > most) this.#delete((this.#ranks.oldest(status) as StoredJob).id);
  }

  #delete(id: string): void {
    this.drop(id);
    this.log.add({ type: "deleted", id, at: Date.now() });
  }

  /** @throws JobStoreError UNAVAILABLE when the shelf is full of unfinished jobs */
  makeRoom(): void {
    if (this.#jobs.size >= this.maxJobs && this.#sweepAt < Date.now()) this.#sweep();
    if (this.#jobs.size < this.maxJobs) return;
    const [first] = this.#finished;
    if (first === undefined) {
      throw new JobStoreError(
        "UNAVAILABLE",
        `The memory driver holds its maxJobs of ${this.maxJobs}, none of them finished; let some finish, or raise it.`,
        { indeterminate: false },
      );
    }
    this.#delete(first);
  }

  /** Reads never see an expired job; this is what gives its memory back, a while later: it looks at every job. */
  #sweepFrom(at: number): void {
    clearTimeout(this.#sweepTimer);
    this.#sweepAt = at;
    const longest = 2 ** 31 - 1;
    const ms = Math.min(Math.max(at - Date.now(), 0) + SWEEP_AFTER_MS, longest);
    this.#sweepTimer = unref(setTimeout(() => this.#sweep(), ms));
  }

  #sweep(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const job of this.#jobs.values()) {
      if (!isLive(job)) this.drop(job.id);
      else next = Math.min(next, job.expiresAt ?? next);
    }
    this.#sweepAt = next;
    if (next < Number.POSITIVE_INFINITY) this.#sweepFrom(next);
  }
}

export function isLive(job: StoredJob): boolean {
  return job.expiresAt === null || Date.now() <= job.expiresAt;
}

export function toRecord(job: StoredJob): JobRecord {
  const parse = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
  return {
    id: job.id,
    status: job.status,
    version: job.version,
    attempt: job.attempt,
    data: parse(job.data),
    progress: parse(job.progress),
    result: parse(job.result),
    error: parse(job.error),
    createdAt: new Date(job.createdAt),
    updatedAt: new Date(job.updatedAt),
    statusAt: new Date(job.statusAt),
    expiresAt: job.expiresAt === null ? null : new Date(job.expiresAt),
    history: job.history.map((change) => ({ ...change, at: new Date(change.at) })),
  };
}
