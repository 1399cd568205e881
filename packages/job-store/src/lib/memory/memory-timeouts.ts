import type { JobStorage, StoreConfig } from "../driver.js";
import type { StoredJob } from "./stored-job.js";
import type { WorkTable } from "./work-table.js";

/** Time after which a store that enforces the timeouts, and does not check them any more, is replaced. */
const OWNER_MS = 10_000;

/** Jobs of the driver. */
interface Jobs {
  readonly work: WorkTable;
  inOrderOfEntry(status: string): Iterable<StoredJob>;
}

type Rules = StoreConfig["timeouts"];

interface OverdueJob {
  readonly job: StoredJob;
  /** Time for which the job is overdue, in milliseconds. */
  readonly ms: number;
}

/** Timeouts of the jobs of one memory driver. */
export class MemoryTimeouts {
  readonly #table: Jobs;
  #owner: { readonly name: string; readonly checkedAt: number } | null = null;
  /** Statuses whose limits are enforced, and since when, by the reachable clock. */
  #since: ReadonlyMap<string, number> = new Map();

  constructor(table: Jobs) {
    this.#table = table;
  }

  /** Finds the jobs whose time is over, as a storage does. */
  findOverdue(rules: Rules, owner: string): Awaited<ReturnType<JobStorage["findOverdue"]>> {
    const { clock } = this.#table.work;
    clock.contact();
    const now = Date.now();
    const other = this.#owner !== null && this.#owner.name !== owner ? now - this.#owner.checkedAt : OWNER_MS;
    if (other >= 0 && other < OWNER_MS) return { owned: false, jobs: [], more: false };
    this.#owner = { name: owner, checkedAt: now };
    // A status that had no limit until now gets its full time from now on.
    this.#since = new Map(Array.from(rules.keys(), (status) => [status, this.#since.get(status) ?? clock.now]));
    const jobs = [...this.#overdue(rules)].map(({ job }) => ({
      id: job.id,
      status: job.status,
      version: job.version,
      createdAt: job.createdAt,
      idleSince: job.updatedAt,
    }));
    return { owned: true, jobs, more: false };
  }

  /** Returns for how long the most overdue job is overdue, in milliseconds. */
  lag(rules: Rules): number {
    let lag = 0;
    for (const { ms } of this.#overdue(rules)) lag = Math.max(lag, ms);
    return lag;
  }

  /**
   * Returns for each job in a status with a limit for how long it is overdue, in milliseconds. Negative: the time until then. A job with a
   * lease is not overdue before the full time has passed after the end of the lease.
   */
  *lateness(rules: Rules): Generator<number> {
    const { work } = this.#table;
    for (const [status, { ms }] of rules) {
      const since = this.#since.get(status) ?? work.clock.now;
      for (const job of this.#table.inOrderOfEntry(status)) {
        const leasedUntil = work.leasedUntil(job);
        if (leasedUntil !== null) yield Date.now() - leasedUntil - ms;
        else yield work.clock.now - this.#idleSince(job, since) - ms;
      }
    }
  }

  /** Returns the time of the latest activity of a job without a lease, by the reachable clock. */
  #idleSince(job: StoredJob, since: number): number {
    const { work } = this.#table;
    const leaseEndedAt = work.peek(job)?.leaseEndedAt ?? 0;
    return Math.max(since, leaseEndedAt, work.clock.at(job.statusAt), work.clock.at(job.updatedAt));
  }

  *#overdue(rules: Rules): Generator<OverdueJob> {
    const { work } = this.#table;
    for (const [status, { ms }] of rules) {
      const since = this.#since.get(status);
      if (since === undefined) continue;
      for (const job of this.#table.inOrderOfEntry(status)) {
        // Jobs entered the status in this order, unless the clock went back.
        if (!work.clock.wentBack && job.statusAt > Date.now() - ms) break;
        const state = work.peek(job);
        if (state !== undefined) work.settle(job, state);
        if (state?.lease != null) continue;
        const overdueMs = work.clock.now - this.#idleSince(job, since) - ms;
        if (overdueMs >= 0) yield { job, ms: overdueMs };
      }
    }
  }
}
