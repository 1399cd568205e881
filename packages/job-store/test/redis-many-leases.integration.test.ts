import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { privateServer } from "../../../test/servers/require.js";
import type { Job } from "../src/index.js";
import type { Report } from "../src/lib/contract/definitions.js";
import { claimed, createClaimed, direct, leaseOver, MINUTE, take } from "../src/lib/contract/requests.js";
import { openStore, PrivateRedis } from "./redis-store.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("Many leases in Redis"), { timeout: 240_000 }, () => {
  const redis = new PrivateRedis();

  test("an outage of one shard ends no lease there, although the other shard had contact", async () => {
    const client = new Redis(redis.url, { lazyConnect: true });
    onTestFinished(() => client.disconnect());
    const { store } = openStore({ client, shards: 2, timeoutMs: 60_000 });
    const jobs = new Map<string, Job<Report>>();
    for (let n = 0; jobs.size < 2; n++) {
      const { job } = await createClaimed(store, `job-${n}`, direct(), { leaseMs: 12_000 });
      const [key = ""] = await redis.client.keys(`{*}:job:job-${n}`);
      jobs.set(key.slice(0, key.indexOf(":")), job);
    }
    const [[, lost], [shard, reached]] = [...jobs] as [[string, Job<Report>], [string, Job<Report>]];
    expect(await store.renewLeases([reached], 6000)).toEqual([true]);
    const startedAt = performance.now();
    await vi.waitUntil(async () => {
      // As if a process reached only this shard.
      await redis.client.hset(`${shard}:jobs:metadata`, "contact", Date.now());
      return performance.now() - startedAt > 7000;
    }, PATIENCE);
    await vi.waitFor(async () => expect((await take(store)).map(({ jobId }) => jobId)).toContain(reached.id), PATIENCE);
    const shiftMs = async ({ id, leasedUntil }: Job<Report>) =>
      Number((await store.get(id))?.leasedUntil) - Number(leasedUntil);
    expect(await shiftMs(lost)).toBeGreaterThan(6000);
    expect(await claimed(store, reached.id, direct("m-2"))).toMatchObject({ expiredLeases: 1 });
  });

  test("100,000 leases cost claims, renewals and reads nothing: the server runs the same commands", async () => {
    const { store } = openStore({ url: redis.url, timeoutMs: 60_000 });
    /** Returns the commands that scripts run during a call, with their keys. */
    const commandsOf = async (call: () => Promise<unknown>) => {
      const sent = await redis.sentDuring(call);
      // Removals of expired jobs happen at any time, and read neither leases nor the outbox.
      const ofCall = sent.filter(({ within }) => within.flat().some((part) => /^jobs:(leases|outbox)/.test(part)));
      const commands = ofCall.flatMap(({ within }) => within.map(([name, key = ""]) => `${name} ${key}`));
      // The record of a contact depends on the time since the last one.
      return commands.filter((command) => !/^HSET jobs:metadata$| jobs:gaps$/.test(command));
    };
    const commandsOfCalls = async (id: string) => {
      await store.create({ title: "One" }, { id });
      const commands: (readonly string[])[] = [];
      const run = async <R>(call: () => Promise<R>): Promise<R> => {
        const results: R[] = [];
        commands.push(await commandsOf(async () => results.push(await call())));
        return results[0] as R;
      };
      const { job } = await run(() => claimed(store, id));
      expect(await run(() => store.renewLeases([job], 1))).toEqual([true]);
      await leaseOver(store, id);
      expect(await run(() => store.outbox.read({ claimMs: MINUTE }))).toMatchObject([{ jobId: id }]);
      expect(await run(() => store.outbox.read())).toEqual([]);
      await run(() => claimed(store, id));
      return commands.map((lines) => lines.map((line) => line.replaceAll(id, "<id>")));
    };
    await commandsOfCalls("job-1"); // The scripts are loaded now.
    const without = await commandsOfCalls("job-2");
    await createClaimed(store, "held");
    // Jobs of many workers, as the claim of "held" has stored them.
    const hold = `
      for _, key in ipairs({ 'jobs:work', 'jobs:work:messages' }) do
        local value = redis.call('HGET', key, 'held')
        for n = 1, 100000 do redis.call('HSET', key, 'held-' .. n, value) end
      end
      local ends = redis.call('ZSCORE', 'jobs:leases', 'held')
      for n = 1, 100000 do redis.call('ZADD', 'jobs:leases', ends + n, 'held-' .. n) end`;
    await redis.client.eval(hold, 0);
    expect(await redis.client.zcard("jobs:leases")).toBeGreaterThan(100_000);
    expect(await commandsOfCalls("job-3")).toEqual(without);
    expect(without.flat().length).toBeGreaterThan(40);
  });

  test("10,000 ended leases are sent, at most 200 in one script", async () => {
    const { store } = openStore({ url: redis.url, timeoutMs: 120_000 });
    const ids = Array.from({ length: 10_000 }, (_, n) => `job-${n}`);
    await store.createMany(ids.map((id) => ({ id, data: { title: id } })));
    const jobs = await Promise.all(ids.map(async (id) => (await claimed(store, id, direct(id))).job));
    expect(new Set(await store.renewLeases(jobs, 0))).toEqual(new Set([true]));
    await store.outbox.read({ limit: 1, claimMs: 1 });
    expect(await redis.client.xlen("jobs:outbox")).toBeLessThanOrEqual(200);
    const sent = new Set<string>();
    for (let entries = await take(store); entries.length > 0 || sent.size === 0; entries = await take(store)) {
      for (const { id } of entries) sent.add(id);
    }
    await vi.waitFor(async () => {
      for (const { id } of await take(store)) sent.add(id);
      expect(sent.size).toBe(10_000);
    }, PATIENCE);
    expect(await redis.client.zcard("jobs:leases")).toBe(0);
  });
});
