import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { startRedis } from "../../../test/servers/redis.js";
import { startSentinel } from "../../../test/servers/redis-sentinel.js";
import { privateServer } from "../../../test/servers/require.js";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { redisDriver } from "../src/redis.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("Redis with sentinels"), () => {
  test("continues with the new master after a failover, and keeps replicated changes", async () => {
    await using master = await startRedis();
    await using replica = await startRedis({ args: ["--replicaof", "127.0.0.1", `${master.port}`] });
    await using sentinel = await startSentinel(master, "jobs");
    const store = createJobStore({
      job: report,
      driver: redisDriver({ sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "jobs", timeoutMs: 3000 }),
    });
    onTestFinished(() => store.close());
    await vi.waitFor(() => sentinelKnowsReplica(sentinel.port), PATIENCE);
    await store.create({ title: "One" }, { id: "a" });
    const ending = store.waitFor("a");
    await replicated(master.port);

    await master.kill();
    await vi.waitFor(() => store.updateStatus("a", "working"), 60_000);
    const done = await store.updateStatus("a", "done");
    expect(done).toMatchObject({ version: 3, history: [{ to: "waiting" }, { to: "working" }, { to: "done" }] });
    expect(await ending).toEqual(done);
    expect((await store.health()).details).toMatchObject({ role: "master" });
    const promoted = new Redis(replica.url);
    expect(await promoted.exists("job:a")).toBe(1);
    promoted.disconnect();
  });

  test("the name of the master and at least one sentinel are required", () => {
    expect(() => redisDriver({ sentinels: [], name: "jobs" })).toThrow(/at least one sentinel/);
    expect(() => redisDriver({ sentinels: [{ host: "127.0.0.1", port: 1 }], name: "" })).toThrow(/name the master/);
  });
});

async function sentinelKnowsReplica(port: number): Promise<void> {
  const client = new Redis(port);
  try {
    expect(await client.call("SENTINEL", "REPLICAS", "jobs")).toHaveLength(1);
  } finally {
    client.disconnect();
  }
}

async function replicated(port: number): Promise<void> {
  const client = new Redis(port);
  try {
    expect(await client.wait(1, 10_000)).toBe(1);
  } finally {
    client.disconnect();
  }
}
