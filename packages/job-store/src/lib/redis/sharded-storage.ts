import { crc32 } from "node:zlib";
import type {
  AuditOptions,
  EventLog,
  InsertReply,
  JobStorage,
  Listing,
  Move,
  MoveReply,
  NewJob,
  OutboxStorage,
  Position,
  ProgressReply,
  Range,
  Reading,
  RemoveReply,
  ReplaceReply,
  StorageHealth,
  Target,
  WholeJob,
} from "../driver.js";
import { comparePositions } from "../position.js";
import type { AuditReport } from "../store.js";
import { groupBy } from "./group-by.js";
import type { RedisStorage } from "./redis-storage.js";
import { ShardedOutbox } from "./sharded-outbox.js";

/** What the keys of a shard have before the rest: a hash tag, so that a cluster keeps them together. `*`: a pattern for all. */
export function tagOf(shard: number | "*"): string {
  return `{jobs-${shard}}:`;
}

/** The shard of an id. Recorded nowhere, so it can never change. */
export function shardOf(id: string, shards: number): number {
  return crc32(id) % shards;
}

/** Jobs spread over shards, each a storage of its own: a call on one job goes to its shard, the others are merged. */
export class ShardedStorage implements JobStorage {
  readonly outbox: OutboxStorage;
  readonly logs: readonly EventLog[];
  readonly #shards: readonly RedisStorage[];

  constructor(shards: readonly RedisStorage[]) {
    this.#shards = shards;
    this.outbox = new ShardedOutbox(shards.map(({ outbox }) => outbox));
    this.logs = shards.flatMap(({ logs }) => logs);
  }

  insert(job: NewJob): Promise<InsertReply> {
    return this.#of(job.id).insert(job);
  }

  replace(job: WholeJob): Promise<ReplaceReply> {
    return this.#of(job.id).replace(job);
  }

  move(move: Move): Promise<MoveReply> {
    return this.#of(move.target.id).move(move);
  }

  recordProgress(target: Target, progress: string): Promise<ProgressReply> {
    return this.#of(target.id).recordProgress(target, progress);
  }

  remove(target: Target): Promise<RemoveReply> {
    return this.#of(target.id).remove(target);
  }

  async read(ids: readonly string[]): Promise<readonly Reading[]> {
    const readings = ids.map((): Reading => ({ kind: "absent" }));
    const byShard = groupBy([...ids.entries()], ([, id]) => this.logOf(id));
    await Promise.all(
      [...byShard].map(async ([shard, mine]) => {
        const found = await (this.#shards[shard] as RedisStorage).read(mine.map(([, id]) => id));
        for (const [n, reading] of found.entries()) readings[(mine[n] as [number, string])[0]] = reading;
      }),
    );
    return readings;
  }

  /** Each shard is asked for its share, and once more for a whole page where that was too little. */
  async list(range: Range): Promise<Listing> {
    const limit = shareOf(range.limit, this.#shards.length);
    const pages = await Promise.all(this.#shards.map((shard) => shard.list({ ...range, limit })));
    const asked = new Set<number>();
    for (;;) {
      const page = merge(pages, range);
      const nearest = pages.findIndex(({ next }) => next !== null && next === page.next);
      const [shard, own] = [this.#shards[nearest], pages[nearest]];
      if (page.entries.length === range.limit || shard === undefined || own === undefined || asked.has(nearest))
        return page;
      asked.add(nearest);
      const more = await shard.list({ ...range, start: own.next });
      pages[nearest] = { entries: [...own.entries, ...more.entries], next: more.next };
    }
  }

  async counts(): Promise<ReadonlyMap<string, number>> {
    const sums = new Map<string, number>();
    for (const counts of await Promise.all(this.#shards.map((shard) => shard.counts()))) {
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
    return { ...(worst as StorageHealth), warnings, rejected, oldestWaitMs };
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  #of(id: string): RedisStorage {
    return this.#shards[this.logOf(id)] as RedisStorage;
  }
}

const SEVERITY = ["healthy", "degraded", "unhealthy"];

/** Ids are spread by their hash, so a shard seldom has more of a page than this: its mean and three deviations. */
function shareOf(limit: number, shards: number): number {
  const mean = limit / shards;
  return Math.min(limit, Math.ceil(mean + 3 * Math.sqrt(mean)));
}

/**
 * One page of the pages of all shards. What a shard has looked at ends at its `next`: beyond the nearest of these,
 * another shard may still have something that comes earlier.
 */
function merge(pages: readonly Listing[], range: Range): Listing {
  const direction = range.order === "newest" ? -1 : 1;
  const compare = (a: Position, b: Position) => comparePositions(a, b) * direction;
  const ends = pages.flatMap(({ next }) => (next === null ? [] : [next])).sort(compare);
  const end = ends[0] ?? null;
  const entries = pages
    .flatMap((page) => page.entries)
    .filter((entry) => end === null || compare(entry, end) <= 0)
    .sort(compare);
  if (entries.length <= range.limit) return { entries, next: end };
  const page = entries.slice(0, range.limit);
  const { at, id } = page[page.length - 1] as Position;
  return { entries: page, next: { at, id } };
}
