import type { JobRecord, ReadResult } from "../driver.js";
import { JobStoreError } from "../errors.js";
import { unref } from "../timers.js";
import { MemoryEventLog } from "./memory-event-log.js";
import { MemoryOutbox } from "./memory-outbox.js";
import { MemoryPauses } from "./memory-pauses.js";
import { MemoryPlaces } from "./memory-places.js";
import { MemoryTimeouts } from "./memory-timeouts.js";
import { MemoryWorkers } from "./memory-workers.js";
import type { StoredJob } from "./stored-job.js";
import { WorkTable } from "./work-table.js";

/** Number of deleted jobs whose creation time is kept by id. */
const MAX_DELETED = 10_000;

/** Time in milliseconds after an expiry within which further expired jobs are deleted together. */
const SWEEP_AFTER_MS = 1000;

/** Jobs, outbox and events of one memory driver. Its stores share them. */
export class JobTable {
  readonly #jobs = new Map<string, StoredJob>();
  /** Ids of jobs in final statuses, in the order in which they entered these. */
  readonly #finished = new Set<string>();
  readonly #order = new StatusOrder();
  readonly places = new MemoryPlaces({
    send: ({ jobId, origin, message }) => this.outbox.append({ id: jobId, ...origin }, message),
    isLimited: (field) => this.workers.live.some(({ limit }) => limit?.field === field),
  });
  readonly work = new WorkTable(() => this.outbox.wake(), this.places);
  readonly outbox = new MemoryOutbox({
    beforeClaim: () => this.#sendStored(),
    msToNext: () => Math.min(this.work.msToNextEnd, this.places.msToNextCheck),
    onReschedule: (message, dueAt) => this.work.reschedule(message, dueAt),
  });
  readonly log = new MemoryEventLog((id) => this.read(id));
  readonly timeouts = new MemoryTimeouts(this);
  readonly pauses = new MemoryPauses();
  readonly workers = new MemoryWorkers();
  readonly maxJobs: number;
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweepAt = Number.POSITIVE_INFINITY;
  /** Creation times of deleted jobs. */
  readonly #deleted = new Map<string, number>();
  /** Latest creation time of the deleted jobs that are not in this map. */
  #latestDeleted = 0;

  constructor(maxJobs: number) {
    this.maxJobs = maxJobs;
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** Returns the job, or undefined if it does not exist or has expired. */
  find(id: string): StoredJob | undefined {
    const job = this.#jobs.get(id);
    if (job === undefined || isLive(job)) return job;
    this.delete(id);
    return undefined;
  }

  read(id: string): ReadResult {
    const job = this.find(id);
    return job === undefined ? { kind: "absent" } : { kind: "record", record: this.toRecord(job) };
  }

  /** Parses a stored job. */
  toRecord(job: StoredJob): JobRecord {
    const parse = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
    const date = (time: number | null): Date | null => (time === null ? null : new Date(time));
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
      expiresAt: date(job.expiresAt),
      leasedUntil: date(this.work.leasedUntil(job)),
      history: job.history.map((change) => ({ ...change, at: new Date(change.at) })),
    };
  }

  /** Returns the creation time of a new job. It is later than that of every deleted job with this id. */
  creationTime(id: string): number {
    return Math.max(Date.now(), (this.#deleted.get(id) ?? this.#latestDeleted) + 1);
  }

  *live(): Generator<StoredJob> {
    for (const job of this.#jobs.values()) if (isLive(job)) yield job;
  }

  /** Stores a job. @param finished true if its status is final */
  put(job: StoredJob, finished: boolean): void {
    const before = this.#jobs.get(job.id);
    if (before !== undefined) this.#order.replace(before, job);
    else this.#order.add(job);
    this.#jobs.set(job.id, job);
    this.#finished.delete(job.id);
    if (finished) this.#finished.add(job.id);
    if (job.expiresAt !== null && job.expiresAt < this.#sweepAt) this.#startTimer(job.expiresAt);
  }

  /** Replaces a job whose status, times and expiry have not changed. */
  update(before: StoredJob, after: StoredJob): void {
    this.#order.replace(before, after);
    this.#jobs.set(after.id, after);
  }

  delete(id: string): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    this.#jobs.delete(id);
    this.#finished.delete(id);
    this.#order.remove(job);
    this.work.delete(id);
    this.#keepCreationTime(job);
  }

  #keepCreationTime({ id, createdAt }: StoredJob): void {
    this.#deleted.delete(id);
    this.#deleted.set(id, createdAt);
    const [oldest] = this.#deleted;
    if (oldest === undefined || this.#deleted.size <= MAX_DELETED) return;
    this.#deleted.delete(oldest[0]);
    this.#latestDeleted = Math.max(this.#latestDeleted, oldest[1]);
  }

  /** Puts the stored messages of the jobs whose lease ended into the outbox, and those that waited for a place. */
  #sendStored(): void {
    this.work.clock.contact();
    for (const id of this.work.takeEnded()) {
      const job = this.find(id);
      const stored = job === undefined ? undefined : this.work.peek(job)?.stored;
      if (job !== undefined && stored !== undefined && stored !== null) this.outbox.append(job, stored);
    }
    this.places.check();
  }

  /** Returns the jobs of a status that have not expired, in the order in which they entered it. */
  *inOrderOfEntry(status: string): Generator<StoredJob> {
    for (const job of this.#order.jobs(status)) if (isLive(job)) yield job;
  }

  /** Deletes the oldest jobs of a status, until it has at most `max` jobs that have not expired. */
  trim(status: string, max: number): void {
    if (this.#order.count(status) > max && this.#sweepAt < Date.now()) this.#sweep();
    while (this.#order.count(status) > max) this.#deleteWithEvent((this.#order.oldest(status) as StoredJob).id);
  }

  #deleteWithEvent(id: string): void {
    this.delete(id);
    this.log.add({ type: "deleted", id, at: Date.now() });
  }

  /** Deletes a job if the table is full. @throws JobStoreError UNAVAILABLE if no job is in a final status */
  makeRoom(): void {
    if (this.#jobs.size >= this.maxJobs && this.#sweepAt < Date.now()) this.#sweep();
    if (this.#jobs.size < this.maxJobs) return;
    const [first] = this.#finished;
    if (first === undefined) {
      throw new JobStoreError(
        "UNAVAILABLE",
        `The memory driver is full: it has ${this.maxJobs} jobs (maxJobs), and none is in a final status. Finish or delete jobs, or use a larger maxJobs.`,
        { indeterminate: false },
      );
    }
    this.#deleteWithEvent(first);
  }

  /** Starts the timer that deletes expired jobs. Until then they use memory, but reads ignore them. */
  #startTimer(at: number): void {
    clearTimeout(this.#sweepTimer);
    this.#sweepAt = at;
    const maxDelay = 2 ** 31 - 1;
    const ms = Math.min(Math.max(at - Date.now(), 0) + SWEEP_AFTER_MS, maxDelay);
    this.#sweepTimer = unref(setTimeout(() => this.#sweep(), ms));
  }

  /** Deletes all expired jobs. */
  #sweep(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const job of this.#jobs.values()) {
      if (!isLive(job)) this.delete(job.id);
      else next = Math.min(next, job.expiresAt ?? next);
    }
    this.#sweepAt = next;
    if (next < Number.POSITIVE_INFINITY) this.#startTimer(next);
  }
}

/** Jobs of each status, in the order in which they entered it. */
class StatusOrder {
  readonly #jobs = new Map<string, Map<string, StoredJob>>();
  readonly #newest = new Map<string, number>();
  /** Statuses with a job whose `statusAt` is earlier than that of a previous job. They are sorted when the oldest job is needed. */
  readonly #unordered = new Set<string>();

  add(job: StoredJob): void {
    const { id, status, statusAt } = job;
    const jobs = this.#jobs.get(status) ?? new Map<string, StoredJob>();
    this.#jobs.set(status, jobs.set(id, job));
    const newest = this.#newest.get(status) ?? statusAt;
    if (statusAt < newest) this.#unordered.add(status);
    else this.#newest.set(status, statusAt);
  }

  /** Replaces a job. It keeps its position if it has not entered its status again. */
  replace(before: StoredJob, after: StoredJob): void {
    if (before.status === after.status && before.statusAt === after.statusAt) {
      this.#jobs.get(after.status)?.set(after.id, after);
    } else {
      this.remove(before);
      this.add(after);
    }
  }

  remove({ id, status }: StoredJob): void {
    this.#jobs.get(status)?.delete(id);
  }

  count(status: string): number {
    return this.#jobs.get(status)?.size ?? 0;
  }

  oldest(status: string): StoredJob | undefined {
    const [first] = this.jobs(status);
    return first;
  }

  /** Returns the jobs of a status in order. */
  jobs(status: string): Iterable<StoredJob> {
    if (this.#unordered.delete(status)) {
      const jobs = [...(this.#jobs.get(status) ?? [])].sort(([, a], [, b]) => a.statusAt - b.statusAt);
      this.#jobs.set(status, new Map(jobs));
    }
    return this.#jobs.get(status)?.values() ?? [];
  }
}

/** Returns true if the job has not expired. */
export function isLive(job: StoredJob): boolean {
  return job.expiresAt === null || Date.now() <= job.expiresAt;
}
