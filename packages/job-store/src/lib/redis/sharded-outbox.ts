import { withAnyOf } from "../abort.js";
import type { ListedMessage, OutboxRequest, OutboxResult, OutboxStorage, StoredMessage } from "../driver.js";
import { type RejectedMessage, readRejected } from "../driver-rules.js";
import { groupBy } from "./group-by.js";
import { shardOf } from "./keys.js";

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

  rejected(limit: number): Promise<readonly RejectedMessage[]> {
    return readRejected(this, limit);
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

/** Returns the mean number of jobs of a page in one shard, plus three standard deviations. Few pages have more in a shard. */
export function expectedPerShard(limit: number, shards: number): number {
  const mean = limit / shards;
  return Math.min(limit, Math.ceil(mean + 3 * Math.sqrt(mean)));
}

function withShard<M extends StoredMessage>(shard: number, message: M): M {
  return { ...message, entryId: `${shard}-${message.entryId}` };
}
