import { randomUUID } from "node:crypto";
import { Redis as Redis5 } from "ioredis-5";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { RedisDriverOptions } from "../src/redis.js";
import { failureOf, openStore, startCluster, startOne } from "./redis-store.js";

const { available, title } = privateServer("redis");

const TIMEOUT_MS = 200;

/** Blocks the event loop until every call is past its timeout and its reply is in the socket. */
function keepBusy(): void {
  const end = performance.now() + 5 * TIMEOUT_MS;
  while (performance.now() < end);
}

describe.skipIf(!available)(title("An event loop that is busy for longer than the timeout of a call"), () => {
  test.each([
    ["one server", startOne],
    ["a cluster", startCluster],
  ])("loses no reply that has arrived, and no connection: %s", async (_, start) => {
    const { store, events } = openStore({ ...(await start()), timeoutMs: TIMEOUT_MS, keyPrefix: `${randomUUID()}:` });
    const callAll = (id: string) => [
      store.create({ title: "One" }, { id }),
      store.get("a"),
      store.getMany(["a", "b", "c", "d"]),
      store.counts(),
      store.outbox.depth(),
    ];
    // The first calls on each shard take several round trips.
    for (const id of ["a", "b", "c", "d"]) await vi.waitFor(() => Promise.all(callAll(id)), PATIENCE);
    for (let round = 0; round < 3; round++) {
      const calls = callAll(`e${round}`);
      // They are sent at the end of this tick.
      await new Promise(setImmediate);
      keepBusy();
      expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(calls.map(() => "fulfilled"));
    }
    expect(events.map(({ type }) => type)).toEqual(["connected"]);
  });

  test.each([
    ["a url", (url: string): RedisDriverOptions => ({ url })],
    ["a client of ioredis 5", (url: string) => ({ client: new Redis5(url, { lazyConnect: true }) })],
  ])("still detects a silent server: calls end, and the client reconnects, with %s", async (_, optionsFor) => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const proxy = await startTcpProxy(redis);
    onTestFinished(() => proxy.close());
    const { store, events } = openStore({ ...optionsFor(proxy.url), timeoutMs: TIMEOUT_MS });
    await vi.waitFor(() => store.create({ title: "One" }, { id: "a" }), PATIENCE);
    proxy.freeze();
    expect(await failureOf(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
    // With ioredis 5, a connection counts as open before the server has answered.
    await vi.waitFor(
      () => expect(events.map(({ type }) => type).slice(0, 2)).toEqual(["connected", "disconnected"]),
      PATIENCE,
    );
    expect(events[1]?.message).toMatch(/it does not reply/);
    // The proxy accepts the new connection, which is silent too.
    await failureOf(store.get("a"));
    proxy.heal();
    // The proxy has lost commands of the present connection, so the driver must find it silent between two calls.
    const patience = { timeout: PATIENCE.timeout, interval: 3 * TIMEOUT_MS };
    await vi.waitFor(async () => expect(await store.get("a")).toMatchObject({ id: "a" }), patience);
  });

  test("a reply that takes almost the timeout of a call does not close the connection", async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const admin = new Redis5(redis.url);
    onTestFinished(() => admin.disconnect());
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const timeoutMs = 60_000;
    const { store, events } = openStore({ url: redis.url, timeoutMs });
    await store.create({ title: "One" }, { id: "a" });
    // The first change loads scripts in the background. A reply comes after those to all commands that were sent before.
    for (let round = 0; round < 5; round++) {
      await store.get("a");
      await new Promise(setImmediate);
    }
    await admin.call("CLIENT", "PAUSE", timeoutMs, "WRITE");
    // The next check of the connection is due, independent of the interval between checks.
    vi.advanceTimersByTime(timeoutMs - 1);
    const change = store.updateStatus("a", "working");
    await new Promise(setImmediate);
    vi.advanceTimersByTime(timeoutMs - 1);
    await admin.call("CLIENT", "UNPAUSE");
    await change;
    expect(events.map(({ type }) => type)).toEqual(["connected"]);
  });
});
