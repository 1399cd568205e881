import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { Redis as Redis5 } from "ioredis-5";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { startRedis } from "../../../test/servers/redis.js";
import { privateServer } from "../../../test/servers/require.js";
import { startTcpProxy } from "../../../test/servers/tcp-proxy.js";
import type { RedisDriverOptions } from "../src/redis.js";
import { failureOf, openStore, startCluster, startOne } from "./redis-store.js";
import { skippableTime } from "./skip-time.js";

const { available, title } = privateServer("redis");

const TIMEOUT_MS = 200;

/**
 * Blocks the event loop until servers have replied to all that they were sent. Another process waits for two replies of each: before the second
 * one, a server has written its replies to all earlier commands.
 */
function blockUntilReplied(ports: readonly number[]): void {
  const program = `
    for (const port of ${JSON.stringify(ports)}) {
      const socket = require("node:net").connect(port, "127.0.0.1", () => socket.write("PING\\r\\n"));
      socket.once("data", () => {
        socket.write("PING\\r\\n");
        socket.once("data", () => socket.destroy());
      });
    }`;
  execFileSync(process.execPath, ["--eval", program], { timeout: PATIENCE.timeout });
}

describe.skipIf(!available)(title("An event loop that is busy for longer than the timeout of a call"), () => {
  test.each([
    ["one server", startOne],
    ["a cluster", startCluster],
  ])("loses no reply that has arrived, and no connection: %s", async (_, start) => {
    const options = await start();
    const ports = "cluster" in options ? options.cluster.map(({ port }) => port) : [Number(new URL(options.url).port)];
    const skip = skippableTime();
    const timeoutMs = 60_000;
    const { store, events } = openStore({ ...options, timeoutMs, keyPrefix: `${randomUUID()}:` });
    // Calls that take one round trip, however much time has passed.
    const callAll = (id: string) => [
      store.create({ title: "One" }, { id }),
      store.get("a"),
      store.getMany(["a", "b", "c", "d"]),
      store.outbox.depth(),
    ];
    // The first calls on each shard take several round trips.
    for (const id of ["a", "b", "c", "d"]) await Promise.all(callAll(id));
    for (let round = 0; round < 3; round++) {
      // After a pause, calls also take a round trip to confirm the metadata.
      await Promise.all(callAll(`d${round}`));
      const calls = callAll(`e${round}`);
      // They are sent at the end of this tick.
      await new Promise(setImmediate);
      blockUntilReplied(ports);
      skip(timeoutMs);
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
