import { withAnyOf } from "../abort.js";
import type {
  AuditOptions,
  ClaimReply,
  ClaimRequest,
  CreateReply,
  DeleteReply,
  EventLog,
  FailRequest,
  FailRequestReply,
  FullJob,
  IndexValues,
  JobRequest,
  JobStorage,
  ListedMessage,
  ListPosition,
  ListRequest,
  ListResult,
  LiveWorkerRecord,
  NewJob,
  OutboxRequest,
  OutboxResult,
  OutboxStorage,
  PauseRequest,
  QueuePause,
  ReadResult,
  RequestReply,
  SaveReply,
  StatusUpdate,
  StorageHealth,
  StoredLease,
  StoredMessage,
  Target,
  UnattendedStatus,
  UpdateProgressReply,
  UpdateStatusReply,
  WorkerRecord,
} from "../driver.js";
import { comparePositions } from "../position.js";
import { settledWithin } from "../settled-within.js";
import type { AuditReport } from "../types.js";
import { shardOf } from "./keys.js";
import type { RedisStorage } from "./redis-storage.js";
import { MAX_RUNNING } from "./workers.js";

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
    return this.#ofEach(
      targets,
      ({ id }) => id,
      (shard, mine) => shard.renewLeases(mine, leaseMs),
    );
  }

  readLease(id: string): Promise<StoredLease | null> {
    return this.#of(id).readLease(id);
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
    const renewed = await this.#ofEach(
      targets,
      ({ id }) => id,
      async (shard, mine) => {
        const reply = await shard.announceWorker(worker, mine, leaseMs);
        note(reply);
        return reply.renewed;
      },
    );
    return { renewed, pause: mergePauses([pauses])[0] ?? null };
  }

  /** Reads all shards. A shard that fails does not hide the workers of the others. */
  async workers(): ReturnType<JobStorage["workers"]> {
    const settled = await Promise.allSettled(this.#shards.map((shard) => shard.workers()));
    const found = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const [failed] = settled.flatMap((one) => (one.status === "rejected" ? [one] : []));
    if (found.length === 0 && failed !== undefined) throw failed.reason;
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
    return mergePauses(await this.#all((shard) => shard.pauses()));
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
    return this.#ofEach(
      ids,
      (id) => id,
      (shard, mine) => shard.read(mine),
    );
  }

  readIndexValues(ids: readonly string[]): Promise<readonly IndexValues[]> {
    return this.#ofEach(
      ids,
      (id) => id,
      (shard, mine) => shard.readIndexValues(mine),
    );
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

  async *audit(options: AuditOptions): AsyncGenerator<AuditReport, void, undefined> {
    for (const shard of this.#shards) yield* shard.audit(options);
  }

  logOf(id: string): number {
    return shardOf(id, this.#shards.length);
  }

  async health(timeoutMs: number): Promise<StorageHealth> {
    const reports = await Promise.all(this.#shards.map((shard) => shard.health(timeoutMs)));
    const worst = reports.toSorted((a, b) => SEVERITY.indexOf(b.status) - SEVERITY.indexOf(a.status))[0];
    const warnings = [...new Set(reports.flatMap((report) => report.warnings))];
    const rejected = reports.reduce((sum, report) => sum + (report.rejected ?? 0), 0);
    const waits = reports.flatMap((report) => report.oldestWaitMs ?? []);
    const oldestWaitMs = waits.length === 0 ? null : Math.max(...waits);
    const overdueMs = Math.max(...reports.map((report) => report.overdueMs ?? 0));
    const pauses = mergePauses(reports.map((report) => report.pauses ?? []));
    const unattended = mergeUnattended(reports.flatMap((report) => report.unattended ?? []));
    return { ...(worst as StorageHealth), warnings, rejected, oldestWaitMs, overdueMs, pauses, unattended };
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  /** Calls each shard with the jobs that it has. The results have the order of `jobs`. */
  async #ofEach<J, T>(
    jobs: readonly J[],
    idOf: (job: J) => string,
    call: (shard: RedisStorage, mine: readonly J[]) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const byShard = groupBy([...jobs.entries()], ([, job]) => this.logOf(idOf(job)));
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

/** Returns the mean number of jobs of a page in one shard, plus three standard deviations. Few pages have more in a shard. */
function expectedPerShard(limit: number, shards: number): number {
  const mean = limit / shards;
  return Math.min(limit, Math.ceil(mean + 3 * Math.sqrt(mean)));
}

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

interface Claim {
  readonly limit: number;
  readonly waitMs: number;
  readonly claimMs: number;
  readonly signal: AbortSignal;
}

/** Longest time for which a waiting reader runs no script. A claim in one shard is no contact with the others. */
const MAX_PAUSE_MS = 1000;

/** Outbox that combines the outboxes of all shards. The id of an entry begins with its shard. */
export class ShardedOutbox implements OutboxStorage {
  readonly #shards: readonly OutboxStorage[];
  /** Shard from which the next claim reads first. It changes with each claim, so that a busy shard does not block the others. */
  #first = 0;

  constructor(shards: readonly OutboxStorage[]) {
    this.#shards = shards;
  }

  async claim(claim: Claim): Promise<readonly StoredMessage[]> {
    const end = performance.now() + claim.waitMs;
    for (;;) {
      const found = await this.#claimNow(claim);
      const left = end - performance.now();
      if (found.length > 0 || left <= 0 || claim.signal.aborted) return found;
      await this.waitForEntries(Math.min(left, MAX_PAUSE_MS), claim.signal);
    }
  }

  async waitForEntries(ms: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    await withAnyOf([signal, enough.signal], async (either) => {
      await Promise.race(this.#shards.map((shard) => shard.waitForEntries(ms, either)));
      enough.abort();
    });
  }

  ack(entryIds: readonly string[]): Promise<void> {
    return this.#each(entryIds, (shard, ids) => shard.ack(ids));
  }

  reject(entryIds: readonly string[], reason: string): Promise<void> {
    return this.#each(entryIds, (shard, ids) => shard.reject(ids, reason));
  }

  requeue(entryIds: readonly string[]): Promise<void> {
    return this.#each(entryIds, (shard, ids) => shard.requeue(ids));
  }

  async rejected(limit: number) {
    const all = await Promise.all(
      this.#shards.map(async (shard, n) => (await shard.rejected(limit)).map((message) => withShard(n, message))),
    );
    return all
      .flat()
      .sort((a, b) => a.at - b.at)
      .slice(0, limit);
  }

  /** Reads a part of the page from each shard. The page ends where a shard may have further messages that were not read. */
  async list({ kind, start, limit }: OutboxRequest): Promise<OutboxResult> {
    const parts = await Promise.all(
      this.#shards.map((shard, n) => {
        const after = start?.[n] ?? null;
        return shard.list({ kind, start: after && [after], limit: expectedPerShard(limit, this.#shards.length) });
      }),
    );
    const messages: OutboxResult["messages"][number][] = [];
    const taken = parts.map(() => 0);
    for (;;) {
      const heads = parts.map((part, n) => part.messages[taken[n] ?? 0]);
      const isUnknown = parts.some(({ next }, n) => heads[n] === undefined && next !== null);
      const first = heads.reduce(
        (best, head, n) => (head !== undefined && (best < 0 || head.at < (heads[best]?.at ?? 0)) ? n : best),
        -1,
      );
      const head = heads[first];
      if (messages.length === limit || isUnknown || head === undefined) break;
      messages.push(withShard(first, head));
      taken[first] = (taken[first] ?? 0) + 1;
    }
    const isLast = parts.every(({ messages: read, next }, n) => next === null && taken[n] === read.length);
    const position = (n: number) => {
      const part = parts[n];
      if (part !== undefined && taken[n] === part.messages.length && part.next !== null) return part.next[0] ?? null;
      return part?.messages[(taken[n] ?? 0) - 1]?.position ?? start?.[n] ?? null;
    };
    return { messages, next: isLast ? null : parts.map((_, n) => position(n)) };
  }

  async ofJob(jobId: string, limit: number): ReturnType<OutboxStorage["ofJob"]> {
    const n = shardOf(jobId, this.#shards.length);
    const { messages, complete } = await (this.#shards[n] as OutboxStorage).ofJob(jobId, limit);
    return { messages: messages.map((message): ListedMessage => withShard(n, message)), complete };
  }

  reschedule(entryIds: readonly string[], at: number): Promise<readonly boolean[]> {
    return this.#change(entryIds, (shard, ids) => shard.reschedule(ids, at));
  }

  cancel(entryIds: readonly string[]): Promise<readonly boolean[]> {
    return this.#change(entryIds, (shard, ids) => shard.cancel(ids));
  }

  countRejected(): Promise<number> {
    return this.#sum((shard) => shard.countRejected());
  }

  depth(): Promise<number> {
    return this.#sum((shard) => shard.depth());
  }

  scheduled(): Promise<number> {
    return this.#sum((shard) => shard.scheduled());
  }

  async oldest(): Promise<number | null> {
    const times = await Promise.all(this.#shards.map((shard) => shard.oldest()));
    return times.reduce((oldest, at) => (oldest === null || (at !== null && at < oldest) ? at : oldest), null);
  }

  async oldestWait(): Promise<number | null> {
    const waits = await Promise.all(this.#shards.map((shard) => shard.oldestWait()));
    return waits.reduce((longest, ms) => (longest === null || (ms !== null && ms > longest) ? ms : longest), null);
  }

  async #sum(count: (shard: OutboxStorage) => Promise<number>): Promise<number> {
    const counts = await Promise.all(this.#shards.map(count));
    return counts.reduce((sum, one) => sum + one, 0);
  }

  /** Claims from one shard after the other. If a shard fails, the entries of the shards before it are still returned. */
  async #claimNow(claim: Claim): Promise<readonly StoredMessage[]> {
    const found: StoredMessage[] = [];
    const begin = this.#first++;
    for (let k = 0; k < this.#shards.length && found.length < claim.limit; k++) {
      const n = (begin + k) % this.#shards.length;
      const left = { ...claim, limit: claim.limit - found.length, waitMs: 0 };
      const claimed = await (this.#shards[n] as OutboxStorage).claim(left).catch((error: unknown) => {
        if (found.length === 0) throw error;
        return null;
      });
      if (claimed === null) break;
      found.push(...claimed.map((message) => withShard(n, message)));
    }
    return found;
  }

  /** Calls each shard with its entries. Ids of shards that do not exist are ignored. */
  async #each(
    entryIds: readonly string[],
    call: (shard: OutboxStorage, entryIds: readonly string[]) => Promise<void>,
  ): Promise<void> {
    await this.#change(entryIds, async (shard, ids) => {
      await call(shard, ids);
      return [];
    });
  }

  /** Calls each shard with its entries, and returns the results in the order of `entryIds`. An unknown shard changes nothing. */
  async #change(
    entryIds: readonly string[],
    call: (shard: OutboxStorage, entryIds: readonly string[]) => Promise<readonly boolean[]>,
  ): Promise<readonly boolean[]> {
    const byShard = groupBy([...entryIds.entries()], ([, id]) => Number(id.slice(0, id.indexOf("-"))));
    const changed = new Set<number>();
    await Promise.all(
      [...byShard].map(async ([n, mine]) => {
        const ids = mine.map(([, id]) => id.slice(id.indexOf("-") + 1));
        const shard = this.#shards[n];
        const results = shard === undefined ? [] : await call(shard, ids);
        for (const [k, [place]] of mine.entries()) if (results[k] === true) changed.add(place);
      }),
    );
    return entryIds.map((_, place) => changed.has(place));
  }
}

function withShard<M extends StoredMessage>(shard: number, message: M): M {
  return { ...message, entryId: `${shard}-${message.entryId}` };
}

/** Groups values by a key, like `Map.groupBy`, which Node 20 does not have. */
function groupBy<T, K>(all: readonly T[], keyOf: (one: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}
