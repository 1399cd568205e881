import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import { PATIENCE } from "../../../test/patience.js";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { createJobStore, defineJob } from "../src/index.js";
import { redisDriver } from "../src/redis.js";
import { failureOf } from "./redis-store.js";

const { url, prefix, title } = server("redis");

const rest = {
  name: "film",
  data: z.object({ language: z.string() }),
  initial: "wanted",
  statuses: { wanted: { next: ["found", "wanted"] }, found: { next: [] } },
} as const;
const plain = defineJob(rest);
const indexed = defineJob({ ...rest, index: { language: (data) => data.language } });

describe.skipIf(url === null)(title("The indexes in Redis"), () => {
  function start() {
    const keyPrefix = `${prefix}${randomUUID()}:`;
    const client = new Redis(url as string);
    const open = <D extends typeof plain>(job: D, ttlSeconds = {}) => {
      const store = createJobStore({
        job,
        driver: redisDriver({ url: url as string, keyPrefix, timeoutMs: 60_000 }),
        ttlSeconds,
      });
      onTestFinished(() => store.close());
      return store;
    };
    onTestFinished(async () => {
      client.disconnect();
      await removeKeys(url as string, keyPrefix);
    });
    const members = () => client.zrange(`${keyPrefix}jobs:by-field`, "0", "-1");
    const values = () => client.hgetall(`${keyPrefix}jobs:values`);
    return { client, keyPrefix, open, members, values };
  }

  test("has two members for each field of a job in every status, and none after its deletion", async () => {
    const { open, members, values } = start();
    const store = open(indexed);
    const { job } = await store.create({ language: 'e"s' }, { id: "a" });
    await store.updateStatus("a", "wanted");
    const found = await store.updateStatus("a", "found");
    expect(await values()).toEqual({ a: 'language="e\\"s"' });
    expect(await members()).toEqual([
      `language="e\\"s"*${job.createdAt.getTime()}a`,
      `language="e\\"s":0001${found.statusAt.getTime()}a`,
    ]);
    await store.delete("a");
    expect([await members(), await values()]).toEqual([[], {}]);
  });

  test("does not exist for a definition without index fields", async () => {
    const { client, keyPrefix, open } = start();
    const store = open(plain, { found: 0.05 });
    await store.create({ language: "es" }, { id: "a" });
    await store.updateStatus("a", "found");
    await vi.waitFor(async () => expect(await store.get("a")).toBeNull(), PATIENCE);
    await store.save({ ...(await store.create({ language: "es" }, { id: "b" })).job });
    await store.delete("b");
    const keys = await client.keys(`${keyPrefix}*`);
    expect(keys.filter((key) => /by-field|values/.test(key))).toEqual([]);
    expect(await client.hexists(`${keyPrefix}jobs:metadata`, "fields")).toBe(0);
  });

  test("loses expired jobs in the background, together with the other indexes", async () => {
    const { client, keyPrefix, open, members, values } = start();
    const store = open(indexed, { wanted: 0.2 });
    await store.createMany(Array.from({ length: 1500 }, (_, n) => ({ data: { language: `l${n % 7}` } })));
    await open(indexed).create({ language: "es" }, { id: "kept" });
    await vi.waitFor(async () => {
      await store.updateStatus("kept", "wanted").catch(() => store.create({ language: "es" }, { id: "kept" }));
      expect(Object.keys(await values())).toEqual(["kept"]);
    }, PATIENCE);
    expect(await members()).toHaveLength(2);
    expect(await client.zrange(`${keyPrefix}jobs:by-creation`, "0", "-1")).toEqual(["kept"]);
  });

  test("of fields follows a job that a service without an index changes, saves and deletes", async () => {
    const { open, members, values } = start();
    const [store, older] = [open(indexed), open(plain)];
    await store.createMany(["a", "b"].map((id) => ({ data: { language: "es" }, id })));
    const moved = await older.updateStatus("a", "found");
    expect(await members()).toContain(`language="es":0001${moved.statusAt.getTime()}a`);
    await older.save({ ...moved, data: { language: "fr" } });
    expect(Object.keys(await values())).toEqual(["b"]);
    expect((await members()).filter((member) => member.endsWith("a"))).toEqual([]);
    await older.delete("b");
    expect([await members(), await values()]).toEqual([[], {}]);
  });

  test("by status has room for 900 combinations of status and TTL, and the 901st is an error before anything is written", async () => {
    const { client, keyPrefix, open } = start();
    await open(indexed, { wanted: 3600 }).create({ language: "es" }, { id: "a" });
    const map = `${keyPrefix}jobs:metadata`;
    const codes: unknown[] = JSON.parse(String(await client.hget(map, "codes")));
    while (codes.length < 899) codes.push(["found", codes.length]);
    await client.hset(map, { codes: JSON.stringify(codes), edition: "full" });
    const last = open(indexed, { wanted: 3600, found: 7200 });
    const moved = await last.updateStatus("a", "found");
    expect((await last.list({ status: "found" })).items).toEqual([moved]);
    expect((await last.list({ where: { language: "es" }, status: "found" })).items).toEqual([moved]);
    expect(await last.counts()).toEqual({ wanted: 0, found: 1 });
    const before = await client.hgetall(map);
    const refused = open(indexed, { wanted: 3600, found: 10_800 });
    const calls = [refused.create({ language: "fr" }, { id: "b" }), refused.get("a"), refused.counts()];
    for (const error of await Promise.all(calls.map(failureOf))) {
      expect(error).toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(
          '"film" would have 901 combinations of status and TTL under this keyPrefix, but the limit is 900',
        ),
      });
    }
    expect(await client.hgetall(map)).toEqual(before);
    expect(await client.exists(`${keyPrefix}job:b`)).toBe(0);
  });
});
