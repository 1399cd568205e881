import type { OutboxStorage, StoredMessage } from "../driver.js";
import { groupBy } from "./group-by.js";

interface Claim {
  readonly limit: number;
  readonly waitMs: number;
  readonly claimMs: number;
  readonly signal: AbortSignal;
}

/** The outboxes of all shards as one. An entry's id begins with its shard. */
export class ShardedOutbox implements OutboxStorage {
  readonly #shards: readonly OutboxStorage[];
  /** Which shard is asked first: in turn, so that a busy one does not keep the others waiting. */
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
      await this.waitForMore(left, claim.signal);
    }
  }

  async waitForMore(ms: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const either = AbortSignal.any([signal, enough.signal]);
    await Promise.race(this.#shards.map((shard) => shard.waitForMore(ms, either)));
    enough.abort();
  }

  remove(entryIds: readonly string[]): Promise<void> {
    return this.#each(entryIds, (shard, ids) => shard.remove(ids));
  }

  setAside(entryIds: readonly string[], reason: string): Promise<void> {
    return this.#each(entryIds, (shard, ids) => shard.setAside(ids, reason));
  }

  restore(entryIds: readonly string[]): Promise<void> {
    return this.#each(entryIds, (shard, ids) => shard.restore(ids));
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

  countRejected(): Promise<number> {
    return this.#sum((shard) => shard.countRejected());
  }

  depth(): Promise<number> {
    return this.#sum((shard) => shard.depth());
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

  /** What one shard has handed out is not lost because the next one fails: that one is asked again by the next claim. */
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

  /** Ids of shards that do not exist belong to nothing that is stored. */
  async #each(
    entryIds: readonly string[],
    call: (shard: OutboxStorage, entryIds: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const byShard = groupBy(entryIds, (entryId) => Number(entryId.slice(0, entryId.indexOf("-"))));
    await Promise.all(
      [...byShard].map(async ([n, ids]) => {
        const shard = this.#shards[n];
        if (shard !== undefined)
          await call(
            shard,
            ids.map((id) => id.slice(id.indexOf("-") + 1)),
          );
      }),
    );
  }
}

function withShard<M extends StoredMessage>(shard: number, message: M): M {
  return { ...message, entryId: `${shard}-${message.entryId}` };
}
