import { expect, test } from "vitest";
import type { ListPosition, ListRequest, ListResult } from "../src/lib/driver.js";
import { comparePositions } from "../src/lib/driver-rules.js";
import type { RedisStorage } from "../src/lib/redis/redis-storage.js";
import { ShardedStorage } from "../src/lib/redis/sharded-storage.js";

const SHARDS = 16;
const PAGE: ListRequest = {
  statuses: null,
  where: null,
  order: "oldest",
  after: null,
  before: null,
  start: null,
  limit: 50,
};

/** Returns shards that list the given entries, and count the requested entries. */
function spread(places: readonly ListPosition[], shardOf: (n: number) => number) {
  const asked = { entries: 0 };
  const shards = Array.from({ length: SHARDS }, (_, shard) => {
    const own = places.filter((_, n) => shardOf(n) === shard);
    const list = async ({ start, limit }: ListRequest): Promise<ListResult> => {
      asked.entries += limit;
      const left = own.filter((place) => start === null || comparePositions(place, start) > 0);
      const entries = left.slice(0, limit).map((place) => ({ ...place, kind: "unreadable" as const, reason: "" }));
      return { entries, next: left.length > limit ? (entries.at(-1) ?? null) : null };
    };
    // The test calls only `list` of a shard.
    return { list, logs: [] } as unknown as RedisStorage;
  });
  return { storage: new ShardedStorage(shards), asked };
}

const places = Array.from({ length: 1000 }, (_, at) => ({ id: `${at}`, at }));

test.each([
  ["evenly", (n: number) => n % SHARDS],
  ["so that one shard has all", () => 3],
  ["so that one shard has what comes first", (n: number) => (n < 200 ? 5 : n % SHARDS)],
])("pages are complete and in order if jobs are distributed %s", async (_, shardOf) => {
  const { storage } = spread(places, shardOf);
  const seen: number[] = [];
  let start: ListPosition | null = null;
  do {
    const { entries, next }: ListResult = await storage.list({ ...PAGE, start });
    if (next !== null) expect(entries).toHaveLength(PAGE.limit);
    seen.push(...entries.map(({ at }) => at));
    start = next;
  } while (start !== null);
  expect(seen).toEqual(places.map(({ at }) => at));
});

test("a page reads only a few more entries than it returns if jobs are distributed evenly", async () => {
  const { storage, asked } = spread(places, (n) => n % SHARDS);
  await storage.list(PAGE);
  expect(asked.entries).toBeLessThan(4 * PAGE.limit);
});
