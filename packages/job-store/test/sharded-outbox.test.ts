import { expect, test } from "vitest";
import type { OutboxStorage } from "../src/lib/driver.js";
import { ShardedOutbox } from "../src/lib/redis/sharded-outbox.js";

/** Shard of a test that calls only `claim`. */
function shard(claim: OutboxStorage["claim"]): OutboxStorage {
  return { claim } as OutboxStorage;
}

test("claimed entries of one shard are returned although another shard is unavailable", async () => {
  const message = { entryId: "1-1", jobId: "a", at: 1, queue: "q", id: "a.1.0", payload: 1, headers: {}, origin: null };
  const outbox = new ShardedOutbox([
    shard(async () => [message]),
    shard(async () => {
      throw new Error("away");
    }),
  ]);
  const claim = { limit: 10, waitMs: 0, claimMs: 1000, signal: new AbortController().signal };
  expect((await outbox.claim(claim)).map(({ entryId }) => entryId)).toEqual(["0-1-1"]);
  // The unavailable shard is asked first, before any entry is claimed.
  await expect(outbox.claim(claim)).rejects.toThrow("away");
});
