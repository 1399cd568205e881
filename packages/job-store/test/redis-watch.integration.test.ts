import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { PERSISTENT, startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { watching } from "../src/lib/contract/watch.js";
import { redisDriver } from "../src/redis.js";
import { PrivateRedis } from "./redis-store.js";
import { skippableTime } from "./skip-time.js";

const { available, title } = privateServer("redis");

describe.skipIf(!available)(title("watching Redis under faults"), () => {
  const redis = new PrivateRedis();

  function openStore(url = redis.url, eventLogLength?: number) {
    const store = createJobStore({ job: report, driver: redisDriver({ url, eventLogLength, timeoutMs: 60_000 }) });
    onTestFinished(() => store.close());
    return store;
  }

  test("a broken connection loses no event that the log still has", async () => {
    await using proxy = await startTcpProxy(redis.server);
    const watched = openStore(`redis://127.0.0.1:${proxy.port}`);
    const writer = openStore();
    const events = await watching(watched);
    for (let n = 0; n < 30; n++) {
      await writer.create({ title: "One" }, { id: `job-${n}` });
      if (n % 10 === 5) proxy.cut();
    }
    for (let n = 0; n < 30; n++) expect(await events.next()).toMatchObject({ type: "created", id: `job-${n}` });
    await watched.close();
  });

  test("a watcher that reads the events after its cursor continues after an outage", async () => {
    await using proxy = await startTcpProxy(redis.server);
    const timeoutMs = 60_000;
    const skip = skippableTime();
    const driver = redisDriver({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs });
    const watched = createJobStore({ job: report, driver });
    onTestFinished(() => watched.close());
    const writer = openStore();
    // The log is being read for this watcher. The next one first reads what it has missed.
    const before = await watching(watched);
    await writer.create({ title: "One" }, { id: "a" });
    const { cursor } = await before.next();
    await proxy.shut();
    const late = watched.watch({ after: cursor })[Symbol.asyncIterator]().next();
    late.catch(() => {});
    // A later call of the same store has failed: so has the read of the watcher, which began before it.
    const counting = watched.counts().catch((error: unknown) => error);
    skip(timeoutMs);
    expect(await counting).toMatchObject({ code: "UNAVAILABLE" });
    await writer.create({ title: "One" }, { id: "b" });
    await proxy.open();
    expect(await late).toMatchObject({ value: { type: "created", id: "b" } });
    expect(await before.next()).toMatchObject({ type: "created", id: "b" });
    await watched.close();
  });

  test("trimmed events are reported as resync, and the events in the log follow", async () => {
    const store = openStore(redis.url, 100);
    const events = await watching(store);
    await store.create({ title: "One" }, { id: "first" });
    const { cursor } = await events.next();
    const ids = Array.from({ length: 1000 }, (_, n) => `job-${n}`);
    await store.createMany(ids.map((id) => ({ data: { title: "One" }, id })));
    const late = await watching(openStore(), { after: cursor });
    expect(await late.next()).toMatchObject({
      type: "resync",
      reason: expect.stringMatching(/^\d+ events were removed from the event log/),
    });
    let event = await late.next();
    while (!("id" in event && event.id === "job-999")) event = await late.next();
  });

  test("a server that lost its data is reported as resync, and later events follow", async () => {
    const store = openStore();
    const events = await watching(store);
    await store.create({ title: "One" }, { id: "a" });
    const { cursor } = await events.next();
    await redis.client.flushall();
    // As many as before and more, so that numbers alone would not distinguish the new log from the old one.
    for (const id of ["b", "c", "d"]) await store.create({ title: "One" }, { id });
    expect(await events.next()).toMatchObject({ type: "resync" });
    let event = await events.next();
    while (!("id" in event && event.id === "d")) event = await events.next();
    const late = await watching(store, { after: cursor });
    expect(await late.next()).toMatchObject({ type: "resync" });
  });

  test("a wait continues after a restart", async () => {
    const own = await startRedis({ args: PERSISTENT });
    onTestFinished(() => own.stop());
    const store = openStore(own.url);
    await store.create({ title: "One" }, { id: "a" });
    const waiting = store.waitFor("a");
    await store.updateStatus("a", "working");
    await own.kill();
    await own.restart();
    const done = await store.updateStatus("a", "done");
    expect(await waiting).toEqual(done);
  });

  describe("a server that restarts with an older snapshot", () => {
    /** Starts a server that saves only on request. */
    async function snapshotted() {
      const own = await startRedis();
      onTestFinished(() => own.stop());
      const admin = new Redis(own.url);
      admin.on("error", () => {}); // It is killed.
      onTestFinished(() => admin.disconnect());
      return { own, save: () => admin.save() };
    }

    test("is reported to watchers as resync, and later events follow", async () => {
      const { own, save } = await snapshotted();
      const store = openStore(own.url);
      await store.create({ title: "One" }, { id: "a" });
      const ofJob = await watching(store, "a");
      const ofAll = await watching(store);
      expect(await ofJob.next()).toMatchObject({ type: "snapshot" });
      await save();
      await store.updateStatus("a", "working");
      for (let done = 1; done <= 4; done++) await store.updateProgress("a", { done });
      for (const events of [ofJob, ofAll]) {
        expect(await events.next()).toMatchObject({ type: "status", to: "working" });
        for (let done = 1; done <= 4; done++) expect(await events.next()).toMatchObject({ progress: { done } });
      }
      await own.kill();
      await own.restart();
      for (const events of [ofJob, ofAll]) expect(await events.next()).toMatchObject({ type: "resync" });
      expect(await store.get("a")).toMatchObject({ status: "waiting" });
      await store.updateStatus("a", "failed");
      for (const events of [ofJob, ofAll]) expect(await events.next()).toMatchObject({ type: "status", to: "failed" });
    });

    test.each([
      ["as long again", ["e", "f", "g"]],
      ["longer than before", ["e", "f", "g", "h", "i"]],
    ])("is reported to a watcher that was disconnected until the log was %s", async (_, ids) => {
      const { own, save } = await snapshotted();
      await using proxy = await startTcpProxy(own);
      const watched = openStore(`redis://127.0.0.1:${proxy.port}`);
      const writer = openStore(own.url);
      await writer.create({ title: "One" }, { id: "a" });
      const events = await watching(watched);
      await save();
      for (const id of ["b", "c", "d"]) await writer.create({ title: "Lost" }, { id });
      for (const id of ["b", "c", "d"]) expect(await events.next()).toMatchObject({ type: "created", id });
      await proxy.shut();
      await own.kill();
      await own.restart();
      for (const id of ids) await writer.create({ title: "New" }, { id });
      await proxy.open();
      expect(await events.next()).toMatchObject({ type: "resync" });
      await writer.create({ title: "Newest" }, { id: "j" });
      expect(await events.next()).toMatchObject({ type: "created", id: "j" });
      await watched.close();
    });

    test("is no reason for a resync if nothing was lost", async () => {
      const { own, save } = await snapshotted();
      const store = openStore(own.url);
      const events = await watching(store);
      for (const id of ["a", "b"]) await store.create({ title: "One" }, { id });
      for (const id of ["a", "b"]) expect(await events.next()).toMatchObject({ type: "created", id });
      await save();
      await own.kill();
      await own.restart();
      await store.create({ title: "One" }, { id: "c" });
      expect(await events.next()).toMatchObject({ type: "created", id: "c" });
    });

    test("ends a wait for a status that the job has again", async () => {
      const { own, save } = await snapshotted();
      const store = openStore(own.url);
      await store.create({ title: "One" }, { id: "a" });
      await store.updateStatus("a", "failed");
      await save();
      await store.updateStatus("a", "waiting");
      const events = await watching(store, "a");
      expect(await events.next()).toMatchObject({ type: "snapshot" });
      const waiting = store.waitFor("a");
      await store.updateStatus("a", "working");
      expect(await events.next()).toMatchObject({ type: "status", to: "working" });
      await own.kill();
      await own.restart();
      expect(await waiting).toMatchObject({ status: "failed", version: 2 });
    });
  });

  describe("a server that does not reply any more does not delay", () => {
    /** Calls would wait for ten minutes, longer than a test may take. */
    async function frozen() {
      const own = await startRedis();
      const store = createJobStore({ job: report, driver: redisDriver({ url: own.url, timeoutMs: 600_000 }) });
      await store.create({ title: "One" }, { id: "a" });
      const { value } = await store.watch("a")[Symbol.asyncIterator]().next();
      await own.kill("SIGSTOP");
      onTestFinished(async () => {
        await own.kill("SIGCONT");
        await store.close();
        await own.stop();
      });
      return { store, cursor: value.cursor as string };
    }

    test("a watcher that aborts", async () => {
      const { store, cursor } = await frozen();
      for (const target of ["a", undefined, { after: cursor }]) {
        const stop = new AbortController();
        const next = store.watch(target, { signal: stop.signal })[Symbol.asyncIterator]().next();
        stop.abort();
        expect(await next).toEqual({ done: true, value: undefined });
      }
    });

    test("a wait that aborts, or whose time is over", async () => {
      const { store } = await frozen();
      const stop = new AbortController();
      const waiting = store.waitFor("a", { signal: stop.signal });
      stop.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      await expect(store.waitFor("a", { timeoutMs: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
    });

    test("watchers and waits of a store that is closed", async () => {
      const { store } = await frozen();
      const waiting = store.waitFor("a").catch((error: unknown) => error);
      const next = store.watch("a")[Symbol.asyncIterator]().next();
      void store.close();
      expect(await waiting).toMatchObject({ code: "CLOSED" });
      expect(await next).toEqual({ done: true, value: undefined });
    });
  });

  test("a new watcher gets no resync for events that another one has missed", async () => {
    const store = openStore();
    const events = await watching(store);
    await store.create({ title: "One" }, { id: "a" });
    const { cursor } = await events.next();
    for (let done = 1; done <= 3; done++) await store.updateProgress("a", { done });
    await redis.client.xtrim("jobs:events", "MAXLEN", 1);
    const restarted = openStore();
    await restarted.counts(); // Connected: both begin before the log is read for either.
    const [late, fresh] = await Promise.all([watching(restarted, { after: cursor }), watching(restarted)]);
    expect(await late.next()).toMatchObject({ type: "resync" });
    expect(await late.next()).toMatchObject({ type: "progress", progress: { done: 3 } });
    await store.updateProgress("a", { done: 4 });
    expect(await fresh.next()).toMatchObject({ type: "progress", progress: { done: 4 } });
  });

  test("a foreign entry in the log keeps no job from being written, and no watcher from what follows", async () => {
    const store = openStore();
    await store.create({ title: "One" }, { id: "a" });
    const events = await watching(store);
    await redis.client.xadd("jobs:events", "*", "not", "ours");
    await store.updateStatus("a", "working", { outbox: [{ queue: "reports", payload: 1 }] });
    expect(await store.outbox.depth()).toBe(1);
    let event = await events.next();
    while (event.type !== "status") event = await events.next();
    expect(event).toMatchObject({ id: "a", to: "working" });
  });

  test("an event's cursor serves, however many shards there are", async () => {
    const store = createJobStore({
      job: report,
      driver: redisDriver({ client: redis.client, shards: 512, timeoutMs: 60_000 }),
    });
    onTestFinished(() => store.close());
    const events = await watching(store);
    await store.create({ title: "One" }, { id: "a" });
    const { cursor } = await events.next();
    expect(() => store.watch({ after: cursor })).not.toThrow();
  });

  test("all watchers of a store share one connection", async () => {
    const store = openStore();
    const before = await connections(redis.client);
    await store.counts();
    await Promise.all(Array.from({ length: 1000 }, (_, n) => watching(store, `job-${n}`)));
    expect(await connections(redis.client)).toBeLessThanOrEqual(before + 2);
  });
});

async function connections(client: Redis): Promise<number> {
  const list = await client.client("LIST");
  return String(list).trim().split("\n").length;
}
