import { expect, test } from "vitest";
import type { RedisStorage } from "../src/lib/redis/redis-storage.js";
import { ShardedStorage } from "../src/lib/redis/sharded-storage.js";

const job = { id: "a", status: "working", version: 1, createdAt: 1, idleSince: 1 };

/** Shard that only finds overdue jobs. */
const shard = (findOverdue: RedisStorage["findOverdue"]) =>
  ({ outbox: {}, logs: [], findOverdue }) as never as RedisStorage;

test("a shard that does not reply does not stop the timeouts of the others, and is not asked twice", async () => {
  let asked = 0;
  let reply: () => void = () => {};
  const dead = shard(async () => {
    asked++;
    await new Promise<void>((resolve) => {
      reply = resolve;
    });
    return { owned: true, jobs: [], more: false };
  });
  const alive = shard(async () => ({ owned: true, jobs: [job], more: false }));
  const failing = shard(() => Promise.reject(new Error("down")));
  const storage = new ShardedStorage([dead, alive, failing]);
  expect(await storage.findOverdue("one")).toEqual({ owned: true, jobs: [job], more: false });
  expect(await storage.findOverdue("one")).toMatchObject({ jobs: [job] });
  expect(asked).toBe(1);
  reply();
  await expect
    .poll(async () => {
      await storage.findOverdue("one");
      return asked;
    })
    .toBe(2);
});

test("the call fails if every shard fails", async () => {
  const storage = new ShardedStorage([shard(() => Promise.reject(new Error("down")))]);
  await expect(storage.findOverdue("one")).rejects.toThrow("down");
});
