import { randomUUID } from "node:crypto";
import { Cluster, type Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type RedisCluster, startRedisCluster } from "../../../test/servers/redis-cluster.js";
import { privateServer } from "../../../test/servers/require.js";
import { createJobStore } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { claim, claimed, direct } from "../src/lib/contract/requests.js";
import { shardOf, tagOf } from "../src/lib/redis/keys.js";
import { type RedisDriverOptions, redisDriver } from "../src/redis.js";
import { PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

/** Value that a newer version may store: the bytes behind the marker are not even text. */
const VALUE = Buffer.concat([Buffer.from('{"form":"zstd"}\n'), Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xff, 0x00])]);
const SHARDS = 4;

describe.skipIf(!available)(title("A record of another form"), () => {
  const redis = new PrivateRedis();
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  /** Opens a store with a job "a", which a newer version stores in another form. */
  async function open(
    driver: RedisDriverOptions,
    client: { set: Redis["set"]; getBuffer: Redis["getBuffer"] },
    key: string,
  ) {
    const store = createJobStore<Report>({ job: report, driver: redisDriver({ ...driver, timeoutMs: 60_000 }) });
    onTestFinished(() => store.close());
    await store.create({ title: "Other", label: "red" }, { id: "b" });
    await store.create({ title: "One", label: "red" }, { id: "a" });
    const { job } = await claimed(store, "a");
    await client.set(key, VALUE);
    return { store, job, value: () => client.getBuffer(key) };
  }

  const places = [
    ["Redis", () => open({ url: redis.url }, redis.client, "job:a")],
    [
      "a cluster",
      () => {
        const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
        const client = new Cluster(nodes);
        onTestFinished(() => client.disconnect());
        const keyPrefix = `${randomUUID()}:`;
        const key = `${keyPrefix}${tagOf(shardOf("a", SHARDS))}job:a`;
        return open({ cluster: nodes, shards: SHARDS, keyPrefix }, client, key);
      },
    ],
  ] as const;

  test.each(places)("every call on %s names the reason, and leaves the record as it is", async (_, openPlace) => {
    const { store, job, value } = await openPlace();
    const message =
      /^Job a cannot be read: it is stored in a form that this version cannot read; use a newer version of/;
    const calls: Record<string, () => Promise<unknown>> = {
      get: () => store.get("a"),
      getMany: () => store.getMany(["b", "a"]),
      create: () => store.create({ title: "Two" }, { id: "a" }),
      request: () => store.request({ title: "Two" }, { id: "a", retryFrom: ["failed"] }),
      save: () => store.save(job),
      updateStatus: () => store.updateStatus("a", "failed"),
      "updateStatus with a snapshot": () => store.updateStatus(job, "done"),
      updateProgress: () => store.updateProgress("a", { done: 1 }),
      claim: () => claim(store, "a", direct("m-2")),
      failRequest: () =>
        store.failRequest("a", "failed", {
          from: ["waiting"],
          working: "working",
          message: { queue: "reports", id: "m-2" },
          error: { message: "unreadable" },
        }),
      "delete with a snapshot": () => store.delete(job),
      watch: async () => {
        for await (const event of store.watch("a")) if (event.type !== "snapshot") return;
      },
    };
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject({
        code: "UNREADABLE_RECORD",
        message: expect.stringMatching(message),
      });
      expect(await value(), name).toEqual(VALUE);
    }
    const { items, unreadable } = await store.list();
    expect(items).toMatchObject([{ id: "b" }]);
    expect(unreadable).toEqual([{ id: "a", reason: expect.stringContaining("use a newer version") }]);
    const [reason] = (await store.explain("a")) ?? [];
    expect(reason).toMatchObject({ code: "UNREADABLE", fix: expect.stringMatching(/^Update @subtitles\/job-store/) });
  });

  test.each(places)("an audit of %s repairs and reports nothing about it", async (_, openPlace) => {
    const { store, value } = await openPlace();
    expect(await store.audit({ repair: true })).toEqual({
      jobs: 2,
      missingFromIndex: 0,
      staleInIndex: 0,
      unreadable: 0,
      repaired: 0,
    });
    expect(await value()).toEqual(VALUE);
    expect(await store.counts()).toMatchObject({ working: 1 });
    expect((await store.list({ where: { label: "red" } })).unreadable).toMatchObject([{ id: "a" }]);
  });

  test.each(places)("a deletion by id alone on %s removes it", async (_, openPlace) => {
    const { store, value } = await openPlace();
    expect(await store.delete("a")).toBe(true);
    expect(await value()).toBeNull();
    expect(await store.counts()).toMatchObject({ working: 0 });
  });
});
