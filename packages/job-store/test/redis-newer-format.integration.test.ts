import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import type { JobStore } from "../src/index.js";
import type { Report } from "../src/lib/contract/definitions.js";
import { openRecordedStore } from "../src/lib/store/recorded-store.js";
import { redisDriver } from "../src/redis.js";
import { cli } from "./cli-place.js";
import { failureOf, openStore } from "./redis-store.js";

const redis = server("redis");
const url = redis.url ?? "";

const REFUSED = { code: "NEWER_FORMAT", storedFormat: 2, supportedFormat: 1 };
const MESSAGE = /store format 2, .* supports formats up to 1\..* Nothing was changed\. Update @subtitles\/job-store/;

const CALLS: Readonly<Record<string, (store: JobStore<Report>) => Promise<unknown>>> = {
  create: (store) => store.create({ title: "Two" }, { id: "b" }),
  get: (store) => store.get("a"),
  updateStatus: (store) => store.updateStatus("a", "working"),
  list: (store) => store.list(),
  counts: (store) => store.counts(),
  audit: (store) => store.audit({ repair: true }),
  "outbox.read": (store) => store.outbox.read(),
  "outbox.ack": (store) => store.outbox.ack(["1-1"]),
  renewLeases: (store) => store.renewLeases([], 1_000),
  pauseQueue: (store) => store.pauseQueue("q", { reason: "why" }),
};

describe.skipIf(redis.url === null)(redis.title("A store of a newer format in Redis"), () => {
  const client = new Redis(url, { lazyConnect: true });
  afterAll(() => client.disconnect());

  /** Creates a store with one job, as a newer version of the package would leave it. */
  async function newerStore(shards?: number) {
    const keyPrefix = `${redis.prefix}${randomUUID()}:`;
    const options = { client, keyPrefix, ...(shards !== undefined && { shards }) };
    const { store } = openStore(options);
    await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "q", payload: 1 }] });
    const upgrade = async () => {
      const all = await client.keys(`${keyPrefix}*jobs:metadata`);
      for (const key of all) await client.hset(key, { format: 2, revision: "newer" });
    };
    const dump = async () => {
      const keys = await client.keys(`${keyPrefix}*`);
      return Promise.all(keys.toSorted().map(async (key) => [key, (await client.dumpBuffer(key))?.toString("hex")]));
    };
    return { keyPrefix, options, store, upgrade, dump };
  }

  test("the metadata names the format", async () => {
    const { keyPrefix } = await newerStore();
    expect(await client.hget(`${keyPrefix}jobs:metadata`, "format")).toBe("1");
  });

  test("a store without the number gets it at the next start", async () => {
    const { keyPrefix, options } = await newerStore();
    await client.hdel(`${keyPrefix}jobs:metadata`, "format");
    expect(await openStore(options).store.counts()).toMatchObject({ waiting: 1 });
    expect(await client.hget(`${keyPrefix}jobs:metadata`, "format")).toBe("1");
  });

  test.each(Object.entries(CALLS))(
    "refuses %s as the first call with both numbers, and nothing is written",
    async (_, call) => {
      const { options, upgrade, dump } = await newerStore();
      await upgrade();
      const before = await dump();
      const error = await failureOf(call(openStore(options).store));
      expect(error).toMatchObject(REFUSED);
      expect(error.message).toMatch(MESSAGE);
      expect(await dump()).toEqual(before);
    },
  );

  test("refuses calls in all of its shards", async () => {
    const { options, upgrade, dump } = await newerStore(4);
    await openStore(options).store.counts();
    await upgrade();
    const before = await dump();
    const { store } = openStore(options);
    for (const call of [CALLS.counts, CALLS["outbox.read"]])
      expect(await failureOf(call?.(store) ?? expect.fail())).toMatchObject(REFUSED);
    for (const id of ["a", "b", "c", "d", "e", "f"])
      expect(await failureOf(store.create({ title: "x" }, { id }))).toMatchObject(REFUSED);
    expect(await failureOf(redisDriver(options).readMetadata())).toMatchObject(REFUSED);
    expect(await dump()).toEqual(before);
  });

  test("is not opened by openRecordedStore or by the command line, which end with the same message", async () => {
    const { keyPrefix, options, upgrade, dump } = await newerStore();
    await upgrade();
    const before = await dump();
    expect(await failureOf(openRecordedStore(redisDriver(options)))).toMatchObject(REFUSED);
    for (const args of [["list"], ["delete", "a", "--yes"], ["audit", "--repair"]]) {
      const { code, err } = await cli(keyPrefix, args);
      expect(code).not.toBe(0);
      expect(err).toMatch(MESSAGE);
    }
    expect(await dump()).toEqual(before);
  });

  test("is unhealthy, with the same message", async () => {
    const { options, upgrade, dump } = await newerStore();
    await upgrade();
    const before = await dump();
    const health = await openStore(options).store.health();
    expect(health).toMatchObject({ status: "unhealthy", error: expect.stringMatching(MESSAGE) });
    expect(await dump()).toEqual(before);
  });

  test.each(["updateStatus", "list", "outbox.read", "renewLeases"])(
    "a store in use notices the newer format at the next %s, and writes nothing",
    async (name) => {
      const { store, upgrade, dump } = await newerStore();
      await store.outbox.read();
      await upgrade();
      const before = await dump();
      expect(await failureOf(CALLS[name]?.(store) ?? expect.fail())).toMatchObject(REFUSED);
      expect(await dump()).toEqual(before);
    },
  );
});
