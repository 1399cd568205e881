import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { createJobStore, type Job } from "../src/index.js";
import { type Report, report } from "../src/lib/contract/definitions.js";
import { watching } from "../src/lib/contract/watch.js";
import { redisDriver } from "../src/redis.js";
import { openStore } from "./redis-store.js";

const { url, prefix, title } = server("redis");

describe.skipIf(url === null)(title("Calls of one event-loop tick in Redis"), () => {
  function start() {
    const keyPrefix = `${prefix}${randomUUID()}:`;
    const client = new Redis(url as string);
    const { store } = openStore({ url: url as string, keyPrefix, timeoutMs: 60_000 });
    onTestFinished(async () => {
      client.disconnect();
      await removeKeys(url as string, keyPrefix);
    });
    return { client, keyPrefix, store };
  }

  test("share one entry of the event log, and each event has its own number and cursor", async () => {
    const { client, keyPrefix, store } = start();
    const events = await watching(store);
    const ids = Array.from({ length: 10 }, (_, n) => `job-${n}`);
    await Promise.all(ids.map((id) => store.create({ title: "One" }, { id })));
    expect(await client.xlen(`${keyPrefix}jobs:events`)).toBe(1);
    const seen = [];
    for (const id of ids) {
      const event = await events.next();
      expect(event).toMatchObject({ type: "created", id });
      seen.push(event.cursor);
    }
    expect(new Set(seen).size).toBe(10);
    for (const n of [0, 4, 8]) {
      const later = await watching(store, { after: seen[n] as string });
      expect(await later.next()).toMatchObject({ type: "created", id: `job-${n + 1}` });
    }
  });

  test("on one job are applied in their order", async () => {
    const { store } = start();
    await store.counts();
    const [created, again, moved, refused, removed, anew] = await Promise.allSettled([
      store.create({ title: "One" }, { id: "a" }),
      store.create({ title: "Two" }, { id: "a" }),
      store.updateStatus("a", "working"),
      store.updateStatus("a", "working", { ifVersion: 1 }),
      store.delete("a"),
      store.create({ title: "Three" }, { id: "a" }),
    ]);
    expect(created).toMatchObject({ value: { created: true } });
    expect(again).toMatchObject({ value: { created: false, job: { data: { title: "One" } } } });
    expect(moved).toMatchObject({ value: { status: "working", version: 2, data: { title: "One" } } });
    expect(refused).toMatchObject({ reason: { code: "CONFLICT", currentVersion: 2 } });
    expect(removed).toMatchObject({ value: true });
    expect(anew).toMatchObject({ value: { created: true, job: { data: { title: "Three" } } } });
    expect(await store.get("a")).toMatchObject({ version: 1, data: { title: "Three" } });
    expect(await store.counts()).toMatchObject({ waiting: 1, working: 0 });
  });

  test("are applied in order, also if another service has changed the metadata in the meantime", async () => {
    const { keyPrefix, store } = start();
    await store.create({ title: "One" }, { id: "a" });
    for (let round = 0; round < 5; round++) {
      const driver = redisDriver({ url: url as string, keyPrefix, timeoutMs: 60_000 });
      await using other = createJobStore({ job: report, driver, ttlSeconds: { working: 100 + round } });
      await other.counts();
      const changes = Array.from({ length: 100 }, () => store.updateStatus("a", "working"));
      const versions = (await Promise.all(changes)).map(({ version }) => version);
      expect(versions).toEqual(changes.map((_, n) => 2 + round * 100 + n));
    }
  });

  test("are not affected by a key with other content, and do not change it", async () => {
    const { client, keyPrefix, store } = start();
    await store.counts();
    await client.lpush(`${keyPrefix}job:list`, "x");
    const [good, foreign, absent, unread] = await Promise.allSettled([
      store.create({ title: "Good" }, { id: "good" }),
      store.create({ title: "Bad" }, { id: "list" }),
      store.updateStatus("absent", "working"),
      store.get("list"),
    ]);
    expect(good).toMatchObject({ value: { created: true } });
    expect(foreign).toMatchObject({ reason: { code: "UNREADABLE_RECORD", jobId: "list" } });
    expect(absent).toMatchObject({ reason: { code: "NOT_FOUND" } });
    expect(unread).toMatchObject({ reason: { code: "UNREADABLE_RECORD" } });
    expect(await client.type(`${keyPrefix}job:list`)).toBe("list");
  });

  test("are indeterminate, and not sent again, if an index of another type ends their script midway", async () => {
    const { client, keyPrefix, store } = start();
    await Promise.all(["a", "b"].map((id) => store.create({ title: "One" }, { id })));
    await client.set(`${keyPrefix}jobs:by-status`, "something else");
    const moved = await Promise.allSettled(["a", "b"].map((id) => store.updateStatus(id, "working")));
    await client.del(`${keyPrefix}jobs:by-status`);
    // The store checks its keys again.
    await store.create({ title: "One" });
    await client.set(`${keyPrefix}jobs:by-status`, "something else");
    const created = await Promise.allSettled(["c", "d"].map((id) => store.create({ title: "One" }, { id })));
    for (const outcome of [...moved, ...created]) {
      expect(outcome).toMatchObject({ reason: { code: "UNAVAILABLE", indeterminate: true } });
    }
    expect((await store.getMany(["a", "b"])).map((job) => job?.version)).toEqual([2, 2]);
  });

  test.each(["updateStatus", "updateProgress", "save", "delete", "get"] as const)(
    "are applied once, also if other keys have another type: %s",
    async (verb) => {
      const { client, keyPrefix, store } = start();
      const key = (id: string) => `${keyPrefix}job:${id}`;
      const ids = Array.from({ length: 60 }, (_, n) => `job-${n}`);
      const foreign: Readonly<Record<string, (at: string) => Promise<unknown>>> = {
        "a-list": (at) => client.lpush(at, "x"),
        "a-hash": (at) => client.hset(at, "version", "1"),
        "a-set": (at) => client.sadd(at, "x"),
        "a-stream": (at) => client.xadd(at, "*", "a", "b"),
        "an-empty-text": (at) => client.set(at, ""),
        "a-number": (at) => client.set(at, "7"),
        "another-document": (at) => client.set(at, '{"version":1,"status":"waiting"'),
      };
      const created = await store.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
      const jobs = created.flatMap((one) => (one.status === "fulfilled" ? [one.value.job] : []));
      const others = Object.keys(foreign);
      for (const [id, write] of Object.entries(foreign)) await write(key(id));
      const before = await Promise.all(others.map((id) => client.dumpBuffer(key(id))));
      // Every few jobs, there is a key of another program.
      const turn = ids.flatMap((id, n) => (n % 9 === 4 ? [id, others[Math.floor(n / 9)] as string] : [id]));
      expect(turn).toHaveLength(ids.length + others.length);
      const calls = {
        updateStatus: (id: string) => store.updateStatus(id, "working"),
        updateProgress: (id: string) => store.updateProgress(id, { done: 1 }),
        save: (id: string) => store.save({ ...(jobs.find((job) => job.id === id) ?? (jobs[0] as Job<Report>)), id }),
        delete: (id: string) => store.delete(id),
        get: (id: string) => store.get(id),
      };
      const outcomes = await Promise.allSettled(turn.map((id) => calls[verb](id)));
      for (const [n, id] of turn.entries()) {
        if (ids.includes(id)) expect(outcomes[n]).toMatchObject({ status: "fulfilled" });
        else if (verb !== "delete") {
          expect(outcomes[n]).toMatchObject({ reason: { code: "UNREADABLE_RECORD", jobId: id } });
        }
      }
      if (verb !== "delete") {
        expect(await Promise.all(others.map((id) => client.dumpBuffer(key(id))))).toEqual(before);
      }
      const version = { updateStatus: 2, updateProgress: 1, save: 2, delete: undefined, get: 1 }[verb];
      expect((await store.getMany(ids)).map((job) => job?.version)).toEqual(ids.map(() => version));
      const { waiting, working } = await store.counts();
      expect([waiting, working]).toEqual(
        { updateStatus: [0, 60], updateProgress: [60, 0], save: [60, 0], delete: [0, 0], get: [60, 0] }[verb],
      );
    },
  );

  test("store their messages, each with its job's name", async () => {
    const { store } = start();
    await store.counts();
    const outbox = [{ queue: "reports", payload: 1 }];
    await Promise.all(["a", "b"].map((id) => store.create({ title: "One" }, { id, outbox })));
    const messages = await store.outbox.read();
    expect(messages.map(({ jobId, id }) => [jobId, id])).toEqual([
      ["a", "a.1.0"],
      ["b", "b.1.0"],
    ]);
  });
});
