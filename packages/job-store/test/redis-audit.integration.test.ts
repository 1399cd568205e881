import { randomUUID } from "node:crypto";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { PATIENCE } from "../../../test/patience.js";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { type RedisCluster, startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer, server } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { type AuditReport, createJobStore, defineJob } from "../src/index.js";
import { tagOf } from "../src/lib/redis/keys.js";
import { scripts } from "../src/lib/redis/scripts.js";
import { type RedisDriverOptions, redisDriver } from "../src/redis.js";

const film = defineJob({
  name: "film",
  data: z.object({ title: z.string(), language: z.string().optional() }),
  progress: z.object({ percent: z.number() }),
  initial: "wanted",
  statuses: { wanted: { next: ["found"] }, found: { next: ["wanted"], final: true, ttlSeconds: 3600 } },
  index: { language: (data) => data.language },
});

function openStore(options: RedisDriverOptions, ttlSeconds = {}) {
  const store = createJobStore({ job: film, driver: redisDriver({ timeoutMs: 60_000, ...options }), ttlSeconds });
  onTestFinished(() => store.close());
  return store;
}

/** A store, and a client that changes its keys directly. */
interface Ground {
  readonly options: RedisDriverOptions;
  readonly client: Redis | Cluster;
  /** Prefix of every key. */
  readonly prefix: string;
}

/** A few jobs, and what the indexes have of them. */
async function fill({ options, client, prefix }: Ground) {
  const store = openStore(options);
  await store.create({ title: "A", language: "es" }, { id: "a" });
  await store.create({ title: "B", language: "fr" }, { id: "b" });
  await store.create({ title: "C" }, { id: "c" });
  await store.updateStatus("b", "found");
  const jobs = await store.getMany(["a", "b", "c"]);
  const indexes = async () => ({
    statuses: await client.zrange(`${prefix}jobs:by-status`, 0, "-1", "WITHSCORES"),
    creations: await client.zrange(`${prefix}jobs:by-creation`, 0, "-1", "WITHSCORES"),
    fields: await client.zrange(`${prefix}jobs:by-field`, 0, "-1"),
    values: await client.hgetall(`${prefix}jobs:values`),
  });
  return { store, jobs, indexes };
}

interface Damage {
  readonly what: string;
  readonly does: (client: Redis | Cluster, prefix: string) => Promise<unknown>;
  readonly missing?: number;
  readonly stale?: number;
}

/** Damages to the indexes. An audit finds each, and a repair restores the indexes. */
const DAMAGES: readonly Damage[] = [
  { what: "the index of statuses evicted", does: (redis, at) => redis.del(`${at}jobs:by-status`), missing: 3 },
  { what: "the index of creations evicted", does: (redis, at) => redis.del(`${at}jobs:by-creation`), missing: 3 },
  { what: "the index of fields evicted", does: (redis, at) => redis.del(`${at}jobs:by-field`), missing: 2 },
  { what: "the values to be found by evicted", does: (redis, at) => redis.del(`${at}jobs:values`), missing: 2 },
  {
    what: "everything but the jobs evicted, the map of codes too",
    does: async (redis, at) => {
      for (const key of ["by-status", "by-creation", "by-field", "values", "map"]) await redis.del(`${at}jobs:${key}`);
    },
    missing: 3,
  },
  { what: "an entry removed", does: (redis, at) => redis.zrem(`${at}jobs:by-status`, "a"), missing: 1 },
  { what: "an entry under another status", does: (redis, at) => redis.zadd(`${at}jobs:by-status`, 5, "b"), missing: 1 },
  { what: "an entry of another code", does: (redis, at) => redis.zadd(`${at}jobs:by-status`, 9e15, "a"), missing: 1 },
  { what: "a wrong creation", does: (redis, at) => redis.zadd(`${at}jobs:by-creation`, 5, "a"), missing: 1 },
  { what: "a wrong value", does: (redis, at) => redis.hset(`${at}jobs:values`, "a", 'language="fr"'), missing: 1 },
  {
    what: "a value that the data has not",
    does: (redis, at) => redis.hset(`${at}jobs:values`, "c", 'language="it"'),
    missing: 1,
  },
  { what: "a missing value", does: (redis, at) => redis.hdel(`${at}jobs:values`, "a"), missing: 1 },
  { what: "a job that would never expire", does: (redis, at) => redis.persist(`${at}job:b`), missing: 1 },
  { what: "a job that would expire", does: (redis, at) => redis.pexpire(`${at}job:a`, 60_000), missing: 1 },
  {
    what: "a member of the index of fields removed",
    does: async (redis, at) => {
      const [first = ""] = await redis.zrange(`${at}jobs:by-field`, 0, "0");
      expect(await redis.zrem(`${at}jobs:by-field`, first)).toBe(1);
    },
    missing: 1,
  },
  {
    what: "members of the index by field without a job",
    does: async (redis, at) => {
      const strays = [
        'language="it"*1700000000000a',
        'language="es":00001700000000000gone',
        "no member at all",
        "*gone",
      ];
      for (const stray of strays) await redis.zadd(`${at}jobs:by-field`, 0, stray);
    },
    stale: 4,
  },
  {
    what: "an entry of no job, in each index that has some",
    does: async (redis, at) => {
      await redis.zadd(`${at}jobs:by-status`, 1_700_000_000_000, "both", 1_700_000_000_000, "status");
      await redis.zadd(`${at}jobs:by-creation`, 1_700_000_000_000, "both", 1_700_000_000_000, "creation");
      await redis.hset(`${at}jobs:values`, "both", 'language="es"', "value", 'language="es"');
      await redis.zadd(`${at}jobs:by-field`, 0, 'language="es"*1700000000000both');
    },
    stale: 4,
  },
];

function tests(open: () => Promise<Ground>): void {
  test.each(DAMAGES)("finds and repairs $what", async ({ does, missing = 0, stale = 0 }) => {
    const ground = await open();
    const { store, jobs, indexes } = await fill(ground);
    const before = await indexes();
    await does(ground.client, ground.prefix);
    const damaged = await indexes();
    const found = { jobs: 3, missingFromIndex: missing, staleInIndex: stale, unreadable: 0, repaired: 0 };
    expect(await store.audit()).toEqual(found);
    expect(await indexes()).toEqual(damaged);
    expect(await store.audit({ repair: true })).toEqual({ ...found, repaired: missing + stale });
    expect(await indexes()).toEqual(before);
    expect(await store.getMany(["a", "b", "c"])).toEqual(jobs);
    expect(await store.audit()).toEqual({ ...found, missingFromIndex: 0, staleInIndex: 0 });
    expect(await ground.client.pttl(`${ground.prefix}job:a`)).toBe(-1);
    expect(await ground.client.pttl(`${ground.prefix}job:b`)).toBeGreaterThan(3_000_000);
  });

  test("removes the entries of a job whose key was evicted", async () => {
    const ground = await open();
    const { store, indexes } = await fill(ground);
    await ground.client.del(`${ground.prefix}job:a`);
    const found = { jobs: 2, missingFromIndex: 0, staleInIndex: 1, unreadable: 0, repaired: 0 };
    expect(await store.audit()).toEqual(found);
    expect(await store.counts()).toEqual({ wanted: 2, found: 1 });
    expect(await store.audit({ repair: true })).toEqual({ ...found, repaired: 1 });
    expect(await store.counts()).toEqual({ wanted: 1, found: 1 });
    const { statuses, creations, fields, values } = await indexes();
    expect([...statuses, ...creations, ...fields].filter((member) => /a$/.test(member))).toEqual([]);
    expect(Object.keys(values)).toEqual(["b"]);
  });

  test("adds the index entries of a job that was restored from a backup, and restores its expiry", async () => {
    const ground = await open();
    const { store, jobs } = await fill(ground);
    const key = `${ground.prefix}job:b`;
    const dump = (await ground.client.dumpBuffer(key)) as Buffer;
    await store.delete("b");
    await ground.client.restore(key, 0, dump);
    expect(await store.audit({ repair: true })).toMatchObject({ missingFromIndex: 1, repaired: 1 });
    expect((await store.list({ status: "found", where: { language: "fr" } })).items).toEqual([jobs[1]]);
    expect(await store.counts()).toEqual({ wanted: 2, found: 1 });
    expect(await ground.client.pttl(key)).toBeGreaterThan(3_000_000);
    await store.updateStatus("b", "wanted");
    expect(await store.counts()).toEqual({ wanted: 3, found: 0 });
  });

  test("a restored job keeps a TTL that no service uses", async () => {
    const ground = await open();
    const { store } = await fill(ground);
    const key = `${ground.prefix}job:b`;
    const text = String(await ground.client.get(key));
    await ground.client.set(key, text.replace('"ttl":3600000,', '"ttl":7200000,'));
    expect(await store.audit()).toMatchObject({ missingFromIndex: 1, repaired: 0 });
    expect(await store.audit({ repair: true })).toMatchObject({ missingFromIndex: 1, repaired: 1 });
    expect(await store.counts()).toEqual({ wanted: 2, found: 1 });
    expect(await ground.client.pttl(key)).toBeGreaterThan(6_000_000);
    const job = await store.get("b");
    expect(Number(job?.expiresAt) - Number(job?.statusAt)).toBe(7_200_000);
  });

  test("deletes a restored job that has expired", async () => {
    const ground = await open();
    const { store } = await fill(ground);
    const brief = openStore(ground.options, { found: 0.1 });
    const key = `${ground.prefix}job:a`;
    let dump: Buffer | null = null;
    // On a busy machine the job can expire before it is copied.
    while (dump === null) {
      await brief.create({ title: "A" }, { id: "a" });
      await brief.updateStatus("a", "found");
      dump = await ground.client.dumpBuffer(key);
    }
    await vi.waitFor(async () => expect(await store.get("a")).toBeNull(), PATIENCE);
    await ground.client.restore(key, 0, dump);
    // A moment is left to it, because clocks differ.
    await vi.waitFor(async () => {
      expect(await store.audit({ repair: true })).toMatchObject({ jobs: 3, missingFromIndex: 1, repaired: 1 });
      expect(await store.get("a")).toBeNull();
    }, PATIENCE);
    expect(await store.audit()).toMatchObject({ jobs: 2, missingFromIndex: 0, staleInIndex: 0 });
  });

  test("counts a value that is not a record, and does not change it", async () => {
    const ground = await open();
    const { store } = await fill(ground);
    const at = (id: string) => `${ground.prefix}job:${id}`;
    await ground.client.set(at("a"), "not JSON");
    await ground.client.set(at("old"), JSON.stringify({ id: "old", status: "wanted" }));
    await ground.client.lpush(at("list"), "x");
    await ground.client.set(at("b:lock"), "held"); // No id that a job can have.
    const found = { jobs: 5, missingFromIndex: 0, staleInIndex: 0, unreadable: 3, repaired: 0 };
    expect(await store.audit({ repair: true })).toEqual(found);
    expect(await ground.client.get(at("a"))).toBe("not JSON");
    expect(await ground.client.exists(at("old"))).toBe(1);
    expect(await ground.client.lrange(at("list"), 0, -1)).toEqual(["x"]);
  });

  test("does not block other calls between its steps", async () => {
    const { store } = await fill(await open());
    await store.createMany(Array.from({ length: 3000 }, (_, n) => ({ data: { title: `${n}`, language: "es" } })));
    const auditing = store.audit().then((report) => ({ report }));
    let others = 0;
    let done: { report: AuditReport } | null = null;
    while (done === null) {
      done = await Promise.race([auditing, store.get("a").then(() => null)]);
      others++;
    }
    expect(done.report).toMatchObject({ jobs: 3003, missingFromIndex: 0, staleInIndex: 0 });
    expect(others).toBeGreaterThan(20);
  });
}

const redis = server("redis");

describe.skipIf(redis.url === null)(redis.title("An audit of Redis"), () => {
  const url = redis.url as string;

  async function open(): Promise<Ground> {
    const prefix = `${redis.prefix}[${randomUUID()}]*?:`;
    const client = new Redis(url);
    onTestFinished(async () => {
      client.disconnect();
      await removeKeys(url, prefix.replace(/[*?[\]\\]/g, "\\$&"));
    });
    return { options: { url, keyPrefix: prefix }, client, prefix };
  }

  tests(open);

  describe("of which a job is written between its comparison and its repair", () => {
    /** A store, and another one that writes before each script that repairs. */
    async function openBoth(
      write: (ground: Ground, other: ReturnType<typeof openStore>, repair: number) => Promise<unknown>,
    ) {
      const ground = await open();
      const filled = await fill(ground);
      const client = new Redis(url, { lazyConnect: true });
      const duplicate = client.duplicate.bind(client);
      let repairs = 0;
      client.duplicate = (...options) => {
        const copy = duplicate(...options);
        const call = copy.call.bind(copy) as (name: string, args: string[]) => Promise<unknown>;
        const intercepted = async (name: string, args: string[]) => {
          if (name === "evalsha" && args[0] === scripts.reindex.sha) await write(ground, filled.store, ++repairs);
          return call(name, args);
        };
        return Object.assign(copy, { call: intercepted });
      };
      return { ...ground, ...filled, audited: openStore({ client, keyPrefix: ground.prefix }) };
    }
    const nothing = { jobs: 3, missingFromIndex: 0, staleInIndex: 0, unreadable: 0, repaired: 0 };

    const missing = ({ client, prefix }: Ground) => client.zrem(`${prefix}jobs:by-status`, "c");

    test("repairs it by its new record", async () => {
      const both = await openBoth(async (ground, other, repair) => {
        if (repair > 1) return;
        await other.updateStatus("c", "found");
        await missing(ground);
      });
      await missing(both);
      expect(await both.audited.audit({ repair: true })).toEqual({ ...nothing, missingFromIndex: 1, repaired: 1 });
      expect(await both.store.counts()).toEqual({ wanted: 1, found: 2 });
    });

    test("does not count it if the write has repaired it", async () => {
      const both = await openBoth((_, other) => other.updateStatus("c", "found"));
      await missing(both);
      expect(await both.audited.audit({ repair: true })).toEqual(nothing);
      expect(await both.store.counts()).toEqual({ wanted: 1, found: 2 });
    });

    test("repairs it although its progress is written every time", async () => {
      const both = await openBoth((_, other, repair) => other.updateProgress("c", { percent: repair }));
      await missing(both);
      expect(await both.audited.audit({ repair: true })).toEqual({ ...nothing, missingFromIndex: 1, repaired: 1 });
      expect(await both.store.get("c")).toMatchObject({ progress: { percent: 1 } });
      expect(await both.store.counts()).toEqual({ wanted: 2, found: 1 });
    });

    test("counts it and leaves it if that happens every time", async () => {
      const both = await openBoth(async (ground, other, repair) => {
        await other.updateStatus("c", repair % 2 === 0 ? "wanted" : "found");
        await missing(ground);
      });
      await missing(both);
      expect(await both.audited.audit({ repair: true })).toEqual({ ...nothing, missingFromIndex: 1 });
      expect(await both.store.get("c")).toMatchObject({ version: 5, status: "wanted" });
      expect(await both.store.audit({ repair: true })).toEqual({ ...nothing, missingFromIndex: 1, repaired: 1 });
    });

    test("leaves the entries of a job that did not exist", async () => {
      const { client, prefix, audited, store } = await openBoth((_, other) =>
        other.create({ title: "New", language: "it" }, { id: "new" }),
      );
      await client.zadd(`${prefix}jobs:by-status`, 1_700_000_000_000, "new");
      expect(await audited.audit({ repair: true })).toEqual(nothing);
      expect((await store.list({ where: { language: "it" } })).items).toMatchObject([{ id: "new" }]);
      expect(await store.counts()).toEqual({ wanted: 3, found: 1 });
    });
  });

  test("finds everything although its connection breaks again and again", async () => {
    const { options, client, prefix } = await open();
    await using proxy = await startTcpProxy({ url });
    const store = openStore({ ...options, url: proxy.url, timeoutMs: 10_000 } as RedisDriverOptions);
    await store.createMany(Array.from({ length: 2000 }, (_, n) => ({ data: { title: `${n}` } })));
    await client.del(`${prefix}jobs:by-status`);
    let breaks = 0;
    let over = false;
    const auditing = store.audit({ repair: true }).finally(() => {
      over = true;
    });
    while (!over && breaks < 5) {
      await store.get("a");
      proxy.cut();
      breaks++;
    }
    expect((await auditing).jobs).toBeGreaterThanOrEqual(2000);
    expect(breaks).toBe(5);
    expect(await store.counts()).toEqual({ wanted: 2000, found: 0 });
  });
});

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("An audit of a Redis Cluster"), () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  function connect(): Cluster {
    const client = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
    onTestFinished(() => client.disconnect());
    return client;
  }

  tests(async () => {
    const [client, keyPrefix] = [connect(), `${randomUUID()}:`];
    return { options: { client, keyPrefix, shards: 1 }, client, prefix: `${keyPrefix}${tagOf(0)}` };
  });

  test("checks every shard", async () => {
    const [client, keyPrefix] = [connect(), `${randomUUID()}:`];
    const store = openStore({ client, keyPrefix, shards: 5 });
    await store.createMany(Array.from({ length: 300 }, (_, n) => ({ data: { title: `${n}`, language: "es" } })));
    for (const shard of [0, 1, 2, 3, 4]) await client.del(`${keyPrefix}${tagOf(shard)}jobs:by-creation`);
    const found = { jobs: 300, missingFromIndex: 300, staleInIndex: 0, unreadable: 0 };
    expect(await store.audit({ repair: true })).toEqual({ ...found, repaired: 300 });
    expect((await store.list({ limit: 1000 })).items).toHaveLength(300);
  });
});
