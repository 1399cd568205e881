import type {
  AuditOptions,
  ClaimReply,
  ClaimRequest,
  CreateReply,
  DeleteReply,
  EventLog,
  Examination,
  FailRequest,
  FailRequestReply,
  FullJob,
  IndexValues,
  JobRequest,
  JobStorage,
  ListPosition,
  ListRequest,
  ListResult,
  LiveWorkerRecord,
  NewJob,
  OutboxStorage,
  PauseRequest,
  QueuePause,
  ReadResult,
  RequestReply,
  SaveReply,
  StatusUpdate,
  StorageHealth,
  StoredActivity,
  Target,
  UnattendedStatus,
  UpdateProgressReply,
  UpdateStatusReply,
  WorkerRecord,
} from "../driver.js";
import { comparePositions, MAX_RUNNING } from "../driver-rules.js";
import { settledWithin } from "../timers.js";
import type { AuditReport } from "../types.js";
import { mergeActivity } from "./activity.js";
import { groupBy } from "./group-by.js";
import type { ShardHealth } from "./health.js";
import { shardOf } from "./keys.js";
import type { RedisStorage } from "./redis-storage.js";
import { expectedPerShard, ShardedOutbox } from "./sharded-outbox.js";

/** Storage of jobs in several shards. A call for one job is sent to its shard. Other calls are sent to all shards, and the replies merged. */
export class ShardedStorage implements JobStorage {
  readonly outbox: OutboxStorage;
  readonly logs: readonly EventLog[];
  readonly #shards: readonly RedisStorage[];
  /** Shards that have not replied to `findOverdue` yet. */
  readonly #waitsForTimeouts = new Set<number>();

  constructor(shards: readonly RedisStorage[]) {
    this.#shards = shards;
    this.outbox = new ShardedOutbox(shards.map(({ outbox }) => outbox));
    this.logs = shards.flatMap(({ logs }) => logs);
  }

  create(job: NewJob): Promise<CreateReply> {
    return this.#of(job.id).create(job);
  }

  request(request: JobRequest): Promise<RequestReply> {
    return this.#of(request.id).request(request);
  }

  save(job: FullJob): Promise<SaveReply> {
    return this.#of(job.id).save(job);
  }

  updateStatus(update: StatusUpdate): Promise<UpdateStatusReply> {
    return this.#of(update.target.id).updateStatus(update);
  }

  claim(request: ClaimRequest): Promise<ClaimReply> {
    return this.#of(request.id).claim(request);
  }

  failRequest(request: FailRequest): Promise<FailRequestReply> {
    return this.#of(request.id).failRequest(request);
  }

  /** Makes contact with every shard. One without jobs of this call does not delay the others, because it may be down. */
  async renewLeases(targets: readonly Target[], leaseMs: number): Promise<readonly boolean[]> {
    const wanted = new Set(targets.map(({ id }) => this.logOf(id)));
    const others = this.#shards.filter((_, n) => !wanted.has(n)).map((shard) => shard.renewLeases([], leaseMs));
    const contacts = Promise.all(others);
    if (targets.length === 0) return (await contacts).flat();
    contacts.catch(() => {});
    return this.#ofEach(targets, (shard, mine) => shard.renewLeases(mine, leaseMs));
  }

  examine(id: string): Promise<Examination> {
    return this.#of(id).examine(id);
  }

  /**
   * Announces the worker to every shard, because `renewLeases` also makes contact with every one. So the record remains if a shard fails, and
   * needs no further call. Each shard gets the ids of its own running jobs.
   */
  async announceWorker(
    worker: WorkerRecord,
    targets: readonly Target[],
    leaseMs: number,
  ): ReturnType<JobStorage["announceWorker"]> {
    const wanted = new Set(targets.map(({ id }) => this.logOf(id)));
    const others = this.#shards.filter((_, n) => !wanted.has(n));
    const contacts = Promise.all(others.map((shard) => shard.announceWorker(worker, [], leaseMs)));
    const pauses: QueuePause[] = [];
    const note = ({ pause }: { readonly pause: QueuePause | null }) => void (pause !== null && pauses.push(pause));
    if (targets.length === 0) for (const reply of await contacts) note(reply);
    contacts.catch(() => {});
    const renewed = await this.#ofEach(targets, async (shard, mine) => {
      const reply = await shard.announceWorker(worker, mine, leaseMs);
      note(reply);
      return reply.renewed;
    });
    return { renewed, pause: mergePauses([pauses])[0] ?? null };
  }

  async workers(withRunning: boolean): ReturnType<JobStorage["workers"]> {
    const found = await this.#available((shard) => shard.workers(withRunning));
    const consumers = new Map(found.flatMap((shard) => shard.consumers.map((one) => [one.queue, one] as const)));
    return { live: mergeWorkers(found.flatMap(({ live }) => live)), consumers: [...consumers.values()] };
  }

  async pauseQueue(request: PauseRequest): Promise<void> {
    await this.#all((shard) => shard.pauseQueue(request));
  }

  async resumeQueue(queue: string): Promise<boolean> {
    return (await this.#all((shard) => shard.resumeQueue(queue))).includes(true);
  }

  /** Returns the queues that are paused in at least one shard. Shards differ after a call that failed. */
  async pauses(): Promise<readonly QueuePause[]> {
    return mergePauses(await this.#available((shard) => shard.pauses()));
  }

  /** Returns the replies of the shards that are available. @throws the error of a shard if none is */
  async #available<T>(call: (shard: JobStorage) => Promise<T>): Promise<readonly T[]> {
    const settled = await Promise.allSettled(this.#shards.map(call));
    const replies = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const [failed] = settled.flatMap((one) => (one.status === "rejected" ? [one] : []));
    if (replies.length === 0 && failed !== undefined) throw failed.reason;
    return replies;
  }

  /** Asks all shards. A shard that does not reply soon does not delay the others: it is asked again after its reply. */
  async findOverdue(owner: string): ReturnType<JobStorage["findOverdue"]> {
    const idle = [...this.#shards.entries()].filter(([n]) => !this.#waitsForTimeouts.has(n));
    const calls = idle.map(([n, shard]) => {
      this.#waitsForTimeouts.add(n);
      return shard.findOverdue(owner).finally(() => this.#waitsForTimeouts.delete(n));
    });
    const replies = await settledWithin(calls, SHARD_MS);
    const found = replies.flatMap((reply) => (reply?.status === "fulfilled" ? [reply.value] : []));
    const failed = replies.find((reply) => reply?.status === "rejected");
    if (found.length === 0 && failed?.status === "rejected") throw failed.reason;
    return {
      owned: found.some(({ owned }) => owned),
      jobs: found.flatMap(({ jobs }) => jobs),
      more: found.some(({ more }) => more),
    };
  }

  updateProgress(target: Target, progress: string): Promise<UpdateProgressReply> {
    return this.#of(target.id).updateProgress(target, progress);
  }

  delete(target: Target): Promise<DeleteReply> {
    return this.#of(target.id).delete(target);
  }

  read(ids: readonly string[]): Promise<readonly ReadResult[]> {
    return this.#ofEach(ids, (shard, mine) => shard.read(mine));
  }

  readIndexValues(ids: readonly string[]): Promise<readonly IndexValues[]> {
    return this.#ofEach(ids, (shard, mine) => shard.readIndexValues(mine));
  }

  /** Reads the expected part of a page from each shard, and a complete page from a shard whose part was too small. */
  async list(request: ListRequest): Promise<ListResult> {
    const limit = expectedPerShard(request.limit, this.#shards.length);
    const pages = await Promise.all(this.#shards.map((shard) => shard.list({ ...request, limit })));
    const asked = new Set<number>();
    for (;;) {
      const page = merge(pages, request);
      const nearest = pages.findIndex(({ next }) => next !== null && next === page.next);
      const [shard, own] = [this.#shards[nearest], pages[nearest]];
      if (page.entries.length === request.limit || shard === undefined || own === undefined || asked.has(nearest))
        return page;
      asked.add(nearest);
      const more = await shard.list({ ...request, start: own.next });
      pages[nearest] = { entries: [...own.entries, ...more.entries], next: more.next };
    }
  }

  async counts(where: ListRequest["where"]): Promise<ReadonlyMap<string, number>> {
    const sums = new Map<string, number>();
    for (const counts of await Promise.all(this.#shards.map((shard) => shard.counts(where)))) {
      for (const [status, count] of counts) sums.set(status, (sums.get(status) ?? 0) + count);
    }
    return sums;
  }

  async activity(lateMs: number): Promise<StoredActivity> {
    return mergeActivity(await Promise.all(this.#shards.map((shard) => shard.activity(lateMs))));
  }

  async *audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined> {
    for (const shard of this.#shards) yield* shard.audit(options);
  }

  logOf(id: string): number {
    return shardOf(id, this.#shards.length);
  }

  async health(timeoutMs: number): Promise<StorageHealth> {
    const reports = await Promise.all(this.#shards.map((shard) => shard.shardHealth(timeoutMs)));
    const { attended: _, ...worst } = reports.toSorted(
      (a, b) => SEVERITY.indexOf(b.status) - SEVERITY.indexOf(a.status),
    )[0] as ShardHealth;
    const warnings = [...new Set(reports.flatMap((report) => report.warnings))];
    const rejected = reports.reduce((sum, report) => sum + (report.rejected ?? 0), 0);
    const waits = reports.flatMap((report) => report.oldestWaitMs ?? []);
    const oldestWaitMs = waits.length === 0 ? null : Math.max(...waits);
    const overdueMs = Math.max(...reports.map((report) => report.overdueMs ?? 0));
    const pauses = mergePauses(reports.map((report) => report.pauses ?? []));
    // A worker announces itself to every shard, so a shard that has lost its record is corrected by another one.
    const attended = new Set(reports.flatMap((report) => report.attended ?? []));
    const missed = reports.flatMap((report) => report.unattended ?? []).filter(({ status }) => !attended.has(status));
    const unattended = mergeUnattended(missed);
    return { ...worst, warnings, rejected, oldestWaitMs, overdueMs, pauses, unattended };
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  /** Calls each shard with the jobs that it has. The results have the order of `jobs`. */
  async #ofEach<J extends string | Target, T>(
    jobs: readonly J[],
    call: (shard: RedisStorage, mine: readonly J[]) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const byShard = groupBy([...jobs.entries()], ([, job]) => this.logOf(typeof job === "string" ? job : job.id));
    const found: T[] = [];
    await Promise.all(
      [...byShard].map(async ([shard, mine]) => {
        const ofShard = await call(
          this.#shards[shard] as RedisStorage,
          mine.map(([, job]) => job),
        );
        for (const [n, one] of ofShard.entries()) found[(mine[n] as [number, J])[0]] = one;
      }),
    );
    return found;
  }

  /** Calls all shards. If one fails, it still waits for the others, so that no call is in flight when it rejects. */
  async #all<T>(call: (shard: RedisStorage) => Promise<T>): Promise<readonly T[]> {
    const settled = await Promise.allSettled(this.#shards.map(call));
    return settled.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    });
  }

  #of(id: string): RedisStorage {
    return this.#shards[this.logOf(id)] as RedisStorage;
  }
}

/** Returns each queue once, with the pause that ends last. */
function mergePauses(shards: readonly (readonly QueuePause[])[]): readonly QueuePause[] {
  const merged = new Map<string, QueuePause>();
  const endOf = ({ until }: QueuePause) => until ?? Number.POSITIVE_INFINITY;
  for (const pause of shards.flat()) {
    const other = merged.get(pause.queue);
    if (other === undefined || endOf(pause) > endOf(other)) merged.set(pause.queue, pause);
  }
  return [...merged.values()];
}

/** Returns each worker once, with its running jobs of all shards and its latest heartbeat. */
function mergeWorkers(records: readonly LiveWorkerRecord[]): readonly LiveWorkerRecord[] {
  const merged = new Map<string, LiveWorkerRecord>();
  for (const record of records) {
    const other = merged.get(record.id);
    const latest = other === undefined || record.seenAt > other.seenAt ? record : other;
    const running = [...(other?.running ?? []), ...record.running].slice(0, MAX_RUNNING);
    merged.set(record.id, { ...latest, running });
  }
  return [...merged.values()];
}

/** Returns each status once, with the longest wait. */
function mergeUnattended(found: readonly UnattendedStatus[]): readonly UnattendedStatus[] {
  const merged = new Map<string, UnattendedStatus>();
  for (const one of found) if (one.waitMs > (merged.get(one.status)?.waitMs ?? -1)) merged.set(one.status, one);
  return [...merged.values()];
}

/** Time for which `findOverdue` waits for a shard, in milliseconds. */
const SHARD_MS = 1000;

const SEVERITY = ["healthy", "degraded", "unhealthy"];

/** Merges the pages of all shards. The result ends at the first `next` of a shard: after it, this shard may have further jobs. */
function merge(pages: readonly ListResult[], request: ListRequest): ListResult {
  const direction = request.order === "newest" ? -1 : 1;
  const compare = (a: ListPosition, b: ListPosition) => comparePositions(a, b) * direction;
  const ends = pages.flatMap(({ next }) => (next === null ? [] : [next])).sort(compare);
  const end = ends[0] ?? null;
  const entries = pages
    .flatMap((page) => page.entries)
    .filter((entry) => end === null || compare(entry, end) <= 0)
    .sort(compare);
  if (entries.length <= request.limit) return { entries, next: end };
  const page = entries.slice(0, request.limit);
  const { at, id } = page[page.length - 1] as ListPosition;
  return { entries: page, next: { at, id } };
}
