import { randomUUID } from "node:crypto";
import { Cluster, type Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { type RedisCluster, startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy, type TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore, type Job, type JobStore, JobStoreError } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { view } from "../src/lib/contract/expectations.js";
import { createClaimed } from "../src/lib/contract/requests.js";
import { watching } from "../src/lib/contract/watch.js";
import { tagOf } from "../src/lib/redis/keys.js";
import { type RedisDriverOptions, redisDriver } from "../src/redis.js";

const { available, title } = privateServer("redis");

function openStore(options: RedisDriverOptions) {
  const store = createJobStore({ job: report, driver: redisDriver({ timeoutMs: 60_000, ...options }) });
  onTestFinished(() => store.close());
  return store;
}

const addresses = (cluster: RedisCluster) => cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));

describe.skipIf(!available)(title("Redis Cluster"), () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  test("jobs of one store are spread over the nodes", async () => {
    const keyPrefix = `${randomUUID()}:`;
    const store = openStore({ cluster: addresses(cluster), keyPrefix });
    await store.createMany(Array.from({ length: 200 }, () => ({ data: { title: "One" } })));
    for (const n of [0, 1, 2]) expect((await cluster.client(n).keys(`${keyPrefix}*job:*`)).length).toBeGreaterThan(20);
    expect(await store.counts()).toMatchObject({ waiting: 200 });
  });

  test("a cluster client of the caller can be used, and stays open when the store is closed", async () => {
    const own = new Cluster(addresses(cluster));
    onTestFinished(() => own.disconnect());
    const store = openStore({ client: own, keyPrefix: `${randomUUID()}:` });
    await store.create({ title: "One" });
    await store.close();
    expect(await own.set("still-open", 1)).toBe("OK");
  });

  test("the text of a script is sent only to a server that does not have it", async () => {
    const texts = async () => {
      const stats = await Promise.all([0, 1, 2].map((n) => cluster.client(n).info("commandstats")));
      return stats.reduce((sum, text) => sum + Number(/cmdstat_eval:calls=(\d+)/.exec(text)?.[1] ?? 0), 0);
    };
    const options = { cluster: addresses(cluster), shards: 4, keyPrefix: `${randomUUID()}:` };
    // Each shard has some of them.
    const jobs = Array.from({ length: 200 }, () => ({ data: { title: "One" } }));
    await openStore(options).createMany(jobs);
    const before = await texts();
    await openStore(options).createMany(jobs);
    // For each shard, a store measures the clock of the server by a short script.
    expect(await texts()).toBe(before + options.shards);
    for (const n of [0, 1, 2]) await cluster.client(n).script("FLUSH");
    await openStore(options).createMany(jobs);
    expect(await texts()).toBeGreaterThan(before + 2 * options.shards);
  });

  test("another number of shards is an error that contains both numbers", async () => {
    const keyPrefix = `${randomUUID()}:`;
    await openStore({ cluster: addresses(cluster), keyPrefix, shards: 2 }).counts();
    const other = openStore({ cluster: addresses(cluster), keyPrefix, shards: 3 });
    await expect(other.counts()).rejects.toThrow(/2 shards.*has 3/);
  });

  test("a newer format in one shard is an error of its calls that contains both numbers, and nothing is written", async () => {
    const keyPrefix = `${randomUUID()}:`;
    await openStore({ cluster: addresses(cluster), keyPrefix, shards: 2 }).counts();
    const found = await Promise.all([0, 1, 2].map((n) => cluster.client(n).keys(`${keyPrefix}*metadata`)));
    const [key = ""] = found.flat();
    const node = cluster.client(found.findIndex((keys) => keys.includes(key)));
    await node.hset(key, { format: 2, revision: "newer" });
    const before = await node.dumpBuffer(key);
    const store = openStore({ cluster: addresses(cluster), keyPrefix, shards: 2 });
    const refused = { code: "NEWER_FORMAT", storedFormat: 2, supportedFormat: 1 };
    await expect(store.counts()).rejects.toMatchObject(refused);
    const driver = redisDriver({ cluster: addresses(cluster), keyPrefix });
    await expect(driver.readMetadata()).rejects.toMatchObject(refused);
    expect(await node.dumpBuffer(key)).toEqual(before);
  });

  test("braces in the key prefix are rejected, because shards add their own hash tags", () => {
    expect(() => redisDriver({ cluster: addresses(cluster), keyPrefix: "{a}" })).toThrow(/must not contain { or }/);
  });

  /** Calls on the job "a", which has the status `working` and version 2. */
  const commands: Readonly<Record<string, (store: JobStore<Report>, job: Job<Report>) => Promise<unknown>>> = {
    create: (store) => store.create({ title: "New" }, { id: "a" }),
    "updateStatus to another status": (store) => store.updateStatus("a", "done"),
    "updateStatus to the same status": (store) => store.updateStatus("a", "working"),
    updateProgress: (store) => store.updateProgress("a", { done: 1 }),
    save: (store, job) => store.save({ ...job, data: { title: "Saved" } }),
    delete: (store) => store.delete("a"),
  };

  test.each(Object.entries(commands))(
    "a call emits one event, also if the connection is lost after the call arrived, and ioredis sends it again: %s",
    async (command, call) => {
      const lines = await Promise.all(
        cluster.nodes.map(async ({ port }) => ({
          port,
          proxy: await startTcpProxy({ url: `redis://127.0.0.1:${port}` }),
        })),
      );
      onTestFinished(async () => void (await Promise.all(lines.map(({ proxy }) => proxy.close()))));
      const through = lines.map(({ proxy: { port } }) => ({ host: "127.0.0.1", port }));
      const natMap = Object.fromEntries(
        lines.map(({ port, proxy }) => [`127.0.0.1:${port}`, { host: "127.0.0.1", port: proxy.port }]),
      );
      const keyPrefix = `${randomUUID()}:`;
      const store = openStore({ cluster: through, keyPrefix, timeoutMs: 60_000, redis: { natMap } });
      const witness = openStore({ cluster: addresses(cluster), keyPrefix });
      await store.create({ title: "One" }, { id: "a" });
      const before = await store.updateStatus("a", "working");
      // The other connections are open, so the cluster client does not report the lost one.
      const found = await Promise.all([0, 1, 2].map((n) => cluster.client(n).keys(`${keyPrefix}*job:a`)));
      const proxy = lines[found.findIndex(({ length }) => length === 1)]?.proxy as TcpProxy;
      if (command === "create") await witness.delete("a");
      const stored = await witness.get("a");
      const events = await watching(witness);
      proxy.swallowReplies();
      const answer = call(store, before);
      await vi.waitFor(async () => expect(await witness.get("a")).not.toEqual(stored), PATIENCE);
      proxy.heal();
      proxy.cut();
      const job = await witness.get("a");
      if (command === "create") expect(await answer).toEqual({ created: true, job });
      else if (command === "delete") expect(await answer).toBe(true);
      else if (command === "updateProgress") expect(await answer).toBeUndefined();
      else expect(await answer).toEqual(job);
      expect(await witness.get("a")).toEqual(job);
      // The event log continues, and contains one event of the call.
      if (command === "delete") await store.create({ title: "New" }, { id: "a" });
      else await store.delete("a");
      expect(await events.next()).toMatchObject({ id: "a" });
      expect(await events.next()).toMatchObject({ type: command === "delete" ? "created" : "deleted", id: "a" });
    },
  );

  test("a store that only reads finds jobs and leases after the slot of a shard has moved to another node", async () => {
    const keyPrefix = `${randomUUID()}:`;
    const options = { cluster: addresses(cluster), keyPrefix, shards: 1, timeoutMs: 60_000 };
    const store = openStore(options);
    const { job } = await createClaimed(store, "moving");
    const reader = openStore(options);
    expect(await reader.get("moving")).toEqual(job);
    await migrate(cluster, `${keyPrefix}${tagOf(0)}job:moving`);
    expect(await reader.get("moving")).toEqual(job);
    expect((await reader.list()).items).toEqual([job]);
  });

  test("calls succeed while the slot of a shard moves to another node", async () => {
    const keyPrefix = `${randomUUID()}:`;
    const store = openStore({ cluster: addresses(cluster), keyPrefix, shards: 1, timeoutMs: 60_000 });
    const { job } = await store.create({ title: "One" }, { id: "moving" });
    await store.updateStatus(job.id, "working");
    let running = true;
    let updates = 0;
    const writing = (async () => {
      for (; running; updates++) await store.updateStatus("moving", "working");
    })();
    await vi.waitFor(() => expect(updates).toBeGreaterThan(10), PATIENCE);
    await migrate(cluster, `${keyPrefix}${tagOf(0)}job:moving`);
    const moved = updates;
    await vi.waitFor(() => expect(updates).toBeGreaterThan(moved + 10), PATIENCE);
    running = false;
    await writing;
    expect(await store.get("moving")).toMatchObject({ version: updates + 2 });
    expect(await store.counts()).toMatchObject({ working: 1 });
  });
});

describe.skipIf(!available)(title("Redis Cluster without a node"), () => {
  test("calls end while all nodes are stopped, and succeed after the restart", async () => {
    await using cluster = await startRedisCluster();
    const store = openStore({ cluster: addresses(cluster), shards: 3, timeoutMs: 1000 });
    // On a busy machine, connecting may take longer than the timeout.
    await vi.waitFor(() => store.create({ title: "One" }, { id: "a" }), PATIENCE);
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    const calls = [store.get("a"), store.updateStatus("a", "working"), store.list(), store.counts()];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE" } });
    }

    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await vi.waitFor(() => store.create({ title: "Two" }, { id: "b" }), PATIENCE);
  });
});

describe.skipIf(!available)(title("Redis Cluster that hangs"), () => {
  test("applies no call after its deadline", async () => {
    await using cluster = await startRedisCluster();
    const store = openStore({ cluster: addresses(cluster), shards: 3, timeoutMs: 500 });
    const reader = openStore({ cluster: addresses(cluster), shards: 3 });
    const stored = async (id: string) => (await reader.create({ title: "One", label: "red" }, { id })).job;
    const jobs = await Promise.all(["a", "b", "c", "d", "e", "f"].map(stored));
    // The first calls on each shard take several round trips.
    await vi.waitFor(() => Promise.all(jobs.map(({ id }) => store.updateProgress(id, { done: 0 }))), PATIENCE);
    const before = await view(reader);
    const all = (signal: NodeJS.Signals) => Promise.all(cluster.nodes.map((node) => node.kill(signal)));
    const outbox = [{ queue: "reports", payload: 1 }];
    let outcomes: readonly PromiseSettledResult<unknown>[] = [];
    await all("SIGSTOP");
    try {
      outcomes = await Promise.allSettled([
        ...["late-1", "late-2", "late-3"].map((id) => store.create({ title: "Late" }, { id, outbox })),
        store.updateStatus("a", "working", { outbox }),
        store.save({ ...(jobs[1] as Job<Report>), data: { title: "Late" } }),
        store.updateStatus("c", "failed", { error: { message: "late" } }),
        store.updateProgress("d", { done: 1 }),
        store.delete("e"),
        store.deleteMany(["f"]),
      ]);
    } finally {
      await all("SIGCONT");
    }
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: "UNAVAILABLE" } });
    await vi.waitFor(() => store.updateProgress("a", { done: 0 }), PATIENCE);
    const { jobs: after, ...rest } = await view(reader);
    const { jobs: earlier, ...others } = before;
    const withoutTime = (all: readonly Job<Report>[]) => all.map(({ updatedAt: _, ...job }) => job);
    expect([withoutTime(after), rest]).toEqual([withoutTime(earlier), others]);
  });
});

describe.skipIf(!available)(title("Redis Cluster with replicas"), () => {
  test("continues after a master is killed, without losing acknowledged and replicated changes", async () => {
    await using cluster = await startRedisCluster({ replicas: true });
    const store = openStore({ cluster: addresses(cluster), shards: 6, timeoutMs: 5000 });
    const jobs = Array.from({ length: 60 }, (_, n) => ({ data: { title: "One" }, id: `job-${n}` }));
    // On a busy machine, a call may take longer than its timeout.
    await vi.waitFor(async () => {
      for (const result of await store.createMany(jobs)) expect(result).toMatchObject({ status: "fulfilled" });
    }, PATIENCE);
    await Promise.all([0, 1, 2].map((n) => replicated(cluster.client(n))));
    const events = await watching(store, "job-7");
    await events.next();

    await cluster.nodes[0]?.kill();
    await vi.waitFor(
      async () => {
        for (const { id } of jobs) {
          await store.updateStatus(id, "working").catch((error) => {
            // During the failover, a call can time out without a master. The test repeats it.
            if (!JobStoreError.is(error, "UNAVAILABLE")) throw error;
            expect.fail("no master yet");
          });
        }
      },
      { ...PATIENCE, timeout: 150_000 },
    );
    const kept = await store.getMany(jobs.map(({ id }) => id));
    expect(kept.filter((job) => job?.status === "working")).toHaveLength(60);
    expect(await store.counts()).toMatchObject({ working: 60, waiting: 0 });
    expect(await events.next()).toMatchObject({ type: "status", to: "working", version: 2 });
  });
});

/** Waits until a replica has all current writes of its master. WAIT checks only the writes of its own connection. */
async function replicated(master: Redis): Promise<void> {
  const offset = async (pattern: RegExp) => Number(pattern.exec(await master.info("replication"))?.[1] ?? -1);
  const written = await offset(/master_repl_offset:(\d+)/);
  await vi.waitFor(async () => expect(await offset(/slave0:.*offset=(\d+)/)).toBeGreaterThanOrEqual(written), PATIENCE);
}

/** Moves the slot of a key to the next node, one key after the other, like a resharding. */
async function migrate(cluster: RedisCluster, key: string): Promise<void> {
  const slot = Number(await cluster.client(0).cluster("KEYSLOT", key));
  const masters = [0, 1, 2];
  const counts = await Promise.all(masters.map((n) => cluster.client(n).cluster("COUNTKEYSINSLOT", slot)));
  const source = counts.findIndex((count) => Number(count) > 0);
  const target = (source + 1) % 3;
  const [from, to] = [cluster.client(source), cluster.client(target)];
  const ids = await Promise.all(masters.map((n) => cluster.client(n).call("CLUSTER", "MYID")));
  await to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", String(ids[source]));
  await from.call("CLUSTER", "SETSLOT", slot, "MIGRATING", String(ids[target]));
  for (;;) {
    const keys = (await from.call("CLUSTER", "GETKEYSINSLOT", slot, 1)) as string[];
    if (keys.length === 0) break;
    const port = cluster.nodes[target]?.port as number;
    await from.call("MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", ...keys);
  }
  for (const n of masters) await cluster.client(n).call("CLUSTER", "SETSLOT", slot, "NODE", String(ids[target]));
}
