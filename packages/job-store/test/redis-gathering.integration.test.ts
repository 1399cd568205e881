import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { watching } from "../src/lib/contract/watch.js";
import { openStore } from "./redis-store.js";

const { url, prefix, title } = server("redis");

describe.skipIf(url === null)(title("Calls of one turn in Redis"), () => {
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

  test("share one entry of the log, and each has a number and a cursor of its own", async () => {
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

  test("on one job see each other, in their order", async () => {
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

  test("do not suffer from a key that holds something else, nor does that", async () => {
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
