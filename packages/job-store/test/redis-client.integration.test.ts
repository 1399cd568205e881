import { randomUUID } from "node:crypto";
import * as ioredis6 from "ioredis";
import * as ioredis5 from "ioredis-5";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRedis } from "../../../test/servers/redis.js";
import { type RedisCluster, startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer } from "../../../test/servers/require.js";
import type { RedisClient, RedisDriverOptions } from "../src/redis.js";
import { failureOf, openStore } from "./redis-store.js";

const { available, title } = privateServer("redis");

/** Options that would delay calls, end blocking reads, or change replies if the driver used them. */
const hostile = {
  commandTimeout: 1,
  enableOfflineQueue: true,
  enableAutoPipelining: true,
  lazyConnect: true,
  readOnly: true,
  socketTimeout: 1,
  stringNumbers: true,
} as const;
const hostileCluster = {
  clusterNodeRetryStrategy: () => 50,
  enableAutoPipelining: true,
  enableOfflineQueue: true,
  lazyConnect: true,
  redisOptions: hostile,
  scaleReads: "slave",
  shardedSubscribers: true,
} as const;

describe.skipIf(!available)(title("A client of the caller"), () => {
  let redis: PrivateServer;
  let cluster: RedisCluster;

  beforeAll(async () => {
    redis = await startRedis();
    cluster = await startRedisCluster();
  });
  afterAll(async () => {
    await cluster.stop();
    await redis.stop();
  });

  const nodes = () => cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
  const keep = <C extends { disconnect(): void }>(client: C): C => {
    onTestFinished(() => client.disconnect());
    return client;
  };

  const clients: readonly (readonly [name: string, open: () => RedisClient & { disconnect(): void }])[] = [
    ["a Redis of this copy of ioredis", () => new ioredis6.Redis(redis.url, hostile)],
    ["a Cluster of this copy of ioredis", () => new ioredis6.Cluster(nodes(), hostileCluster)],
    ["a Redis of ioredis 5", () => new ioredis5.Redis(redis.url, hostile)],
    ["a Cluster of ioredis 5", () => new ioredis5.Cluster(nodes(), hostileCluster)],
  ];

  test.each(clients)("works with any of its own options: %s", async (_, open) => {
    const client = keep(open());
    const options: RedisDriverOptions = { client, keyPrefix: `${randomUUID()}:`, timeoutMs: 60_000 };
    const { store, events } = openStore(options);
    const watched = store.watch()[Symbol.asyncIterator]();
    const firstEvent = watched.next();
    const { job } = await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
    expect(await store.outbox.read()).toMatchObject([{ payload: 1 }]);
    const waiting = store.outbox.read({ waitMs: 20_000 });
    expect((await firstEvent).value).toMatchObject({ type: "created", id: "a" });
    expect(await store.getMany(["a", "b"])).toMatchObject([{ id: "a" }, null]);
    expect((await store.list()).items).toMatchObject([{ id: "a" }]);
    await store.updateStatus(job.id, "working", { outbox: [{ queue: "reports", payload: 2 }] });
    expect(await waiting).toMatchObject([{ payload: 2 }]);
    expect(await store.counts()).toMatchObject({ waiting: 0, working: 1 });
    expect(await store.audit({ repair: true })).toMatchObject({ jobs: 1, staleInIndex: 0, repaired: 0 });
    expect(await store.health({ timeoutMs: 60_000 })).toMatchObject({ status: "healthy" });
    await watched.return?.();
    await store.close();
    // The driver has used only duplicates of the client, and no connection was lost.
    expect(client.status).toBe("wait");
    expect(events.map(({ type }) => type)).toEqual(["connected"]);
  });

  test.each([
    ["a Cluster of this copy of ioredis", () => new ioredis6.Cluster(nodes(), { lazyConnect: true })],
    ["a Cluster of ioredis 5", () => new ioredis5.Cluster(nodes(), { lazyConnect: true })],
  ])("is spread over 16 shards: %s", async (_, open) => {
    const keyPrefix = `${randomUUID()}:`;
    await openStore({ client: keep(open()), keyPrefix, timeoutMs: 60_000 }).store.counts();
    const other = openStore({ cluster: nodes(), keyPrefix, shards: 3, timeoutMs: 60_000 }).store;
    expect((await failureOf(other.counts())).message).toMatch(/with 16 shards/);
  });

  test.each([
    ["ioredis 6", () => new ioredis6.Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true })],
    ["ioredis 5", () => new ioredis5.Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true })],
  ])("fails within its timeout if the cluster is unreachable: %s", async (_, open) => {
    const { store } = openStore({ client: keep(open()), timeoutMs: 200 });
    expect(await failureOf(store.create({ title: "One" }))).toMatchObject({
      code: "UNAVAILABLE",
      indeterminate: false,
    });
  });

  test.each([
    ["ioredis 6", ioredis6.Command, () => new ioredis6.Redis(redis.url)],
    ["ioredis 5", ioredis5.Command, () => new ioredis5.Redis(redis.url)],
  ])("works in an application that transforms the replies of %s", async (_, Command, open) => {
    const client = keep(open());
    const key = `${randomUUID()}:hash`;
    await client.hset(key, "a", "1");
    const fields = await client.hgetall(key);
    Command.setReplyTransformer("hgetall", (reply: readonly string[]) => [reply]);
    onTestFinished(() => {
      const pairs = (reply: readonly string[]) =>
        reply.flatMap((name, n) => (n % 2 === 0 ? [[name, reply[n + 1]]] : []));
      Command.setReplyTransformer("hgetall", (reply: readonly string[]) => Object.fromEntries(pairs(reply)));
    });
    expect(await client.hgetall(key)).not.toEqual(fields);
    const keyPrefix = `${randomUUID()}:`;
    const { store } = openStore({ client, keyPrefix, timeoutMs: 60_000 });
    const { job } = await store.create({ title: "One" }, { id: "a" });
    // A store that reads what the first one has stored.
    expect(await openStore({ client, keyPrefix, timeoutMs: 60_000 }).store.get("a")).toEqual(job);
  });

  test("of one node of a cluster fails, and the error names the client to pass instead", async () => {
    const client = keep(new ioredis6.Redis(cluster.nodes[0]?.url as string));
    const error = await failureOf(openStore({ client, keyPrefix: `${randomUUID()}:` }).store.counts());
    expect(error).toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
    expect(error.message).toMatch(/it is a node of a Redis Cluster; pass the nodes .* cluster: \[\{ host, port \}\]/);
  });
});

describe.skipIf(!available)(title("Connections in CLIENT LIST"), () => {
  const servers = {
    "one server": async () => {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const admin = new ioredis6.Redis(redis.url);
      onTestFinished(() => admin.disconnect());
      return { options: { url: redis.url } satisfies RedisDriverOptions, admins: [admin] };
    },
    "a cluster": async () => {
      const cluster = await startRedisCluster();
      onTestFinished(() => cluster.stop());
      const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
      const options: RedisDriverOptions = { cluster: nodes, shards: 1 };
      return { options, admins: nodes.map((_, n) => cluster.client(n)) };
    },
  };

  /** Opens all connections of a store: for calls, for a watch, and for a reader that waits for outbox entries. */
  async function openAll(options: RedisDriverOptions): Promise<void> {
    const { store } = openStore(options);
    await store.create({ title: "One" });
    const leave = new AbortController();
    onTestFinished(() => leave.abort());
    const events = store.watch(undefined, { signal: leave.signal })[Symbol.asyncIterator]();
    void events.next();
    void store.outbox.read({ waitMs: 60_000, signal: leave.signal });
  }

  const namesIn = async (admins: readonly ioredis6.Redis[]) => {
    const lists = await Promise.all(admins.map((admin) => admin.client("LIST")));
    return lists.flatMap((list) => Array.from(String(list).matchAll(/ name=(\S+)/g), ([, name]) => name));
  };

  test.each(Object.entries(servers))(
    "have the name of the package or a given name, with their purpose, on %s",
    {
      timeout: 60_000,
    },
    async (_, start) => {
      const { options, admins } = await start();
      await openAll({ ...options, keyPrefix: "a:" });
      await openAll({ ...options, keyPrefix: "b:", connectionName: "films/api-1" });
      const expected = ["@subtitles/job-store", "films/api-1"].flatMap((name) => [
        name,
        `${name}:watch`,
        `${name}:outbox`,
      ]);
      await vi.waitFor(async () => expect(await namesIn(admins)).toEqual(expect.arrayContaining(expected)), PATIENCE);
    },
  );

  test("have the name in the options of ioredis or of a client", async () => {
    const { options, admins } = await servers["one server"]();
    await openAll({ ...options, keyPrefix: "a:", redis: { connectionName: "films" } });
    const client = new ioredis5.Redis(options.url, { lazyConnect: true, connectionName: "api" });
    await openAll({ client, keyPrefix: "b:" });
    await openAll({ client, keyPrefix: "c:", connectionName: "worker" });
    const expected = ["films", "api", "worker"].flatMap((name) => [name, `${name}:watch`, `${name}:outbox`]);
    await vi.waitFor(async () => expect((await namesIn(admins)).sort()).toEqual(expected.sort()), PATIENCE);
  });

  test("work without a name if the user may not set one", async () => {
    const { options, admins } = await servers["one server"]();
    await admins[0]?.acl("SETUSER", "limited", "on", ">pass", "~*", "+@all", "-client|setname");
    const url = options.url.replace("//", "//limited:pass@");
    const { store, events } = openStore({ url, connectionName: "films", timeoutMs: 60_000 });
    await store.create({ title: "One" }, { id: "a" });
    expect(await store.get("a")).toMatchObject({ id: "a" });
    expect(await namesIn(admins)).not.toContain("films");
    expect(events.map(({ type }) => type)).toEqual(["connected"]);
  });
});
