import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { privateServer } from "../../../test/servers/require.js";
import { createJobStore, type JobStore } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { createClaimed, MINUTE } from "../src/lib/contract/requests.js";
import { workerOf } from "../src/lib/contract/workers.js";
import { tagOf } from "../src/lib/redis/keys.js";
import { redisDriver } from "../src/redis.js";
import { openStore, PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");
const DAY = 86_400_000;

describe.skipIf(!available)(title("Workers in Redis"), () => {
  const redis = new PrivateRedis();

  /** Imports a job that has waited for ten minutes. */
  async function importWaiting(store: JobStore<Report>): Promise<void> {
    const { job } = await store.create({ title: "A clock" }, { id: "clock" });
    await store.delete(job);
    const at = new Date(job.createdAt.getTime() - 10 * MINUTE);
    await store.save({ ...job, id: "waits", createdAt: at, statusAt: at, updatedAt: at, history: [] });
  }

  const unattended = async (store: JobStore<Report>) =>
    (await store.health()).warnings.filter((warning) => warning.includes("no live worker"));

  test("a queue is forgotten after 30 days without a worker, and is noted once a day", async () => {
    const { store } = openStore({ url: redis.url });
    await importWaiting(store);
    const worker = workerOf();
    const today = async () => Math.floor(Number((await redis.client.time())[0]) / 86_400) * DAY;
    const noted = async () => (await redis.client.hget("jobs:consumers", '"reports"')) ?? "";
    const statuses = JSON.stringify({ from: ["waiting", "checking"], working: "working" });
    const noteAt = (ms: number) => redis.client.hset("jobs:consumers", '"reports"', `${ms} ${statuses}`);
    await store.announceWorker(worker, [], MINUTE);
    expect(await noted()).toBe(`${await today()} ${statuses}`);
    // Another heartbeat of the same day writes nothing, one of the next day does.
    for (const [day, written] of [
      [0, 0],
      [1, 1],
    ] as const) {
      await noteAt((await today()) - day * DAY);
      const sent = await redis.sentDuring(() => store.announceWorker(worker, [], MINUTE));
      const writes = sent
        .flatMap(({ within }) => within)
        .filter(([name, key]) => name === "HSET" && key === "jobs:consumers");
      expect(writes).toHaveLength(written);
      expect(await noted()).toBe(`${await today()} ${statuses}`);
    }
    await store.announceWorker(worker, [], 0);
    await noteAt((await today()) - 29 * DAY);
    expect(await unattended(store)).toEqual([expect.stringContaining('"reports"')]);
    await noteAt((await today()) - 31 * DAY);
    expect(await unattended(store)).toEqual([]);
    expect(await store.explain("waits")).toMatchObject([{ code: "NO_MESSAGE" }]);
    await store.announceWorker(workerOf({ queue: "letters", from: ["checking"] }), [], MINUTE);
    expect(Object.keys(await redis.client.hgetall("jobs:consumers"))).toEqual(['"letters"']);
  });

  test("health does not read the ids of running jobs", async () => {
    const { store } = openStore({ url: redis.url });
    const { job } = await createClaimed(store, "a-running-job");
    await store.announceWorker(workerOf(), [job], MINUTE);
    const reads = async (call: () => Promise<unknown>) =>
      (await redis.sentDuring(call))
        .flatMap(({ within }) => within)
        .filter(([name, key]) => name === "HGET" && key === "jobs:workers")
        .map(([, , field]) => field);
    expect(await reads(() => store.workers())).toHaveLength(2);
    const [field] = await reads(() => store.health());
    expect(field).not.toContain(" ");
    expect(await redis.client.hget("jobs:workers", field ?? "")).not.toContain("a-running-job");
  });

  test("health on several shards does not warn if only one of them has lost the record of a worker", async () => {
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    const driver = redisDriver({ client, shards: 3, timeoutMs: 60_000 });
    const store = createJobStore<Report>({ job: report, driver });
    onTestFinished(() => store.close());
    await importWaiting(store);
    await store.announceWorker(workerOf(), [], MINUTE);
    const shards = [0, 1, 2].map(tagOf);
    const lose = (shard: string) => client.del(`${shard}jobs:workers`, `${shard}jobs:workers:ends`);
    const [last = "", ...others] = shards;
    for (const shard of others) await lose(shard);
    expect(await unattended(store)).toEqual([]);
    await lose(last);
    expect(await unattended(store)).toHaveLength(1);
  });
});
