import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { server } from "../../../test/servers/require.js";
import { skippableTime } from "../../job-store/test/skip-time.js";
import { createRelay, QueueError } from "../src/index.js";
import { FakeOutbox, latch, PATIENCE, recorder } from "../src/lib/contract/fixture.js";
import { memoryDedupe } from "../src/memory.js";
import { onServer, openChannel, proxyTo, type Tasks, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";
/** Address on which nothing listens. */
const nowhere = "amqp://127.0.0.1:1";

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("lost connections"), () => {
  test("every message is confirmed and stored although the connection is lost twice", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const here = broker({ url: proxy.url, maxPendingConfirms: 50, timeoutMs: 60_000 });
    let confirmed = 0;
    const publishes = Array.from({ length: 3_000 }, async (_, n) => {
      await here.publish(tasks, { n });
      if (++confirmed === 500 || confirmed === 1_500) proxy.cut();
    });
    await Promise.all(publishes);
    expect((await here.health()).reconnects).toBeGreaterThanOrEqual(2);
    const seen = new Set<number>();
    await broker().consume(tasks, async ({ payload }) => void seen.add(payload.n), { prefetch: 500 });
    await expect.poll(() => seen.size, PATIENCE).toBe(3_000);
  });

  test("a handler that runs during a reconnect is not started twice, and its message is acknowledged", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<Tasks>(() => opened.then(() => undefined));
    const here = broker({ url: proxy.url });
    await here.consume(tasks, handler, { concurrency: 2 });
    await broker().publish(tasks, { n: 1 }, { id: "a" });
    await broker().publish(tasks, { n: 2 }, { id: "b" });
    await expect.poll(() => messages.length, PATIENCE).toBe(2);
    await proxy.shut();
    await expect.poll(() => broker().stats(tasks), PATIENCE).toMatchObject({ ready: 2, consumers: 0 });
    await broker().publish(tasks, { n: 3 }, { id: "c" });
    await proxy.open();
    // Both messages are redelivered and use the prefetch of 2.
    await expect.poll(() => broker().stats(tasks), PATIENCE).toMatchObject({ ready: 1, consumers: 1 });
    release();
    await expect.poll(() => messages.map(({ id }) => id).sort(), PATIENCE).toEqual(["a", "b", "c"]);
    await here.close();
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
    expect(messages.every(({ signal }) => !signal.aborted)).toBe(true);
  });

  test("an acknowledgement after the connection loss is counted, and the redelivery is acknowledged without its handler", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<Tasks>(() => opened.then(() => undefined));
    const here = broker({ url: proxy.url });
    await here.consume(tasks, handler);
    await broker().publish(tasks, { n: 1 }, { id: "a" });
    await broker().publish(tasks, { n: 2 }, { id: "b" });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    await proxy.shut();
    await expect.poll(async () => (await broker().stats(tasks)).ready, PATIENCE).toBe(2);
    release();
    await proxy.open();
    await expect.poll(() => messages.map(({ id }) => id), PATIENCE).toEqual(["a", "b"]);
    const { warnings } = await here.health();
    expect(warnings).toEqual([expect.stringContaining("Late acknowledgements: 1.")]);
    await here.close();
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("an acknowledgement that is lost with the connection is repeated for the redelivery without its handler", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const { messages, handler } = recorder<Tasks>(({ id }) => {
      if (id === "a") proxy.freeze();
      return undefined;
    });
    const here = broker({ url: proxy.url });
    await here.consume(tasks, handler);
    await broker().publish(tasks, { n: 1 }, { id: "a" });
    await broker().publish(tasks, { n: 2 }, { id: "b" });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    // The acknowledgement was written to a frozen connection.
    await setImmediate();
    expect((await here.health({ timeoutMs: 50 })).warnings).toEqual([]);
    proxy.cut();
    proxy.heal();
    await expect.poll(() => messages.map(({ id }) => id), PATIENCE).toEqual(["a", "b"]);
    await here.close();
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("a message without an id is handled, although an equal one was acknowledged on the lost connection", async () => {
    const proxy = await proxyTo(url);
    const { broker, prefix } = onServer(url);
    const { messages, handler } = recorder<Tasks>();
    const here = broker({ url: proxy.url });
    await here.consume(tasks, handler);
    const channel = await openChannel(url);
    const publish = async () => {
      channel.sendToQueue(`${prefix}tasks`, Buffer.from('{"n":1}'), { timestamp: 1_700_000_000 });
      await channel.waitForConfirms();
    };
    await publish();
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    await setImmediate();
    // The reply arrives after the acknowledgement on the same connection was processed.
    await here.stats(tasks);
    await proxy.shut();
    await expect.poll(() => broker().stats(tasks), PATIENCE).toMatchObject({ ready: 0, consumers: 0 });
    await publish();
    // Marks the message as redelivered.
    const taken = await channel.get(`${prefix}tasks`);
    if (taken) channel.nack(taken);
    await expect.poll(() => broker().stats(tasks), PATIENCE).toMatchObject({ ready: 1 });
    await proxy.open();
    await expect.poll(() => messages.map(({ redelivered }) => redelivered), PATIENCE).toEqual([false, true]);
  });

  test("a handler that blocks the event loop until the connection is lost runs once, and its message is acknowledged", async () => {
    const { broker } = onServer(url);
    const here = broker({ heartbeatSeconds: 1 });
    const { messages, handler } = recorder<Tasks>(() => {
      // The broker closes a connection that sends no heartbeat for two to three seconds.
      for (const end = performance.now() + 5_000; performance.now() < end; );
      return undefined;
    });
    await here.publish(tasks, { n: 1 });
    await here.consume(tasks, handler);
    await expect.poll(async () => (await here.health()).reconnects, PATIENCE).toBeGreaterThan(0);
    await expect.poll(() => broker().stats(tasks), PATIENCE).toMatchObject({ consumers: 1, ready: 0 });
    await here.close();
    expect(messages).toHaveLength(1);
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("with dedupe, a message whose acknowledgement was too late is not handled twice", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<Tasks>(() => opened.then(() => undefined));
    const here = broker({ url: proxy.url });
    await here.consume(tasks, handler, { dedupe: memoryDedupe() });
    await broker().publish(tasks, { n: 1 }, { id: "a" });
    await broker().publish(tasks, { n: 2 }, { id: "b" });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    await proxy.shut();
    await expect.poll(async () => (await broker().stats(tasks)).ready, PATIENCE).toBe(2);
    release();
    await expect.poll(async () => (await here.health({ timeoutMs: 50 })).warnings, PATIENCE).toHaveLength(1);
    await proxy.open();
    await expect.poll(() => messages.map(({ id }) => id), PATIENCE).toEqual(["a", "b"]);
    await here.close();
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("a relay loses no entry when connections are lost, and a repeated message has the same id", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const outbox = new FakeOutbox(
      Array.from({ length: 1_000 }, (_, n) => ({ entryId: `e${n}`, id: `m${n}`, queue: "tasks", payload: { n } })),
    );
    const relay = createRelay({ outbox, broker: broker({ url: proxy.url }), queues: [tasks] });
    onTestFinished(() => relay.close());
    for (const count of [100, 500]) {
      await expect.poll(() => relay.published, { ...PATIENCE, interval: 1 }).toBeGreaterThan(count);
      proxy.cut();
    }
    await expect.poll(() => outbox.acknowledged.length, PATIENCE).toBe(1_000);
    const payloads = new Map<string, number>();
    await broker().consume(tasks, async ({ id, payload }) => void payloads.set(id, payload.n), { prefetch: 500 });
    await expect.poll(() => payloads.size, PATIENCE).toBe(1_000);
    for (const [id, n] of payloads) expect(id).toBe(`m${n}`);
  });

  test("the signal of a handler aborts if its message is redelivered to another consumer", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const lost = recorder<Tasks>(
      ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined))),
    );
    await broker({ url: proxy.url }).consume(tasks, lost.handler);
    await broker().publish(tasks, { n: 1 });
    await expect.poll(() => lost.messages.length, PATIENCE).toBe(1);
    await proxy.shut();
    const other = recorder<Tasks>();
    await broker().consume(tasks, other.handler);
    await expect.poll(() => other.messages.length, PATIENCE).toBe(1);
    await proxy.open();
    await expect.poll(() => lost.messages[0]?.signal.aborted, PATIENCE).toBe(true);
    expect(QueueError.is(lost.messages[0]?.signal.reason, "CLOSED")).toBe(true);
  });

  test("a retry is not lost and not duplicated if the connection is lost between copy and acknowledgement", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const { messages, handler } = recorder<Tasks>(({ attempt, redelivered }) => {
      if (attempt === 1 && !redelivered) proxy.cut();
      throw new Error(`attempt ${attempt}`);
    });
    const here = broker({ url: proxy.url });
    await here.consume(tasks, handler);
    await broker().publish(tasks, { n: 1 });
    await expect.poll(() => broker().stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
    await here.close();
    expect(messages.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
  });

  test("calls fail with UNAVAILABLE if the broker is unreachable", async () => {
    const { broker, reported } = onServer(url);
    const timeoutMs = 60_000;
    const skip = skippableTime();
    const here = broker({ url: nowhere, timeoutMs });
    const calls = [
      here.publish(tasks, { n: 1 }),
      here.consume(tasks, async () => {}),
      here.stats(tasks),
      here.deadLetters(tasks),
      here.redrive(tasks),
      here.purge(tasks),
    ];
    const settled = Promise.allSettled(calls);
    // Both connections have failed to open.
    await vi.waitUntil(() => reported.length >= 2, PATIENCE);
    skip(timeoutMs);
    for (const call of await settled) {
      expect(call).toMatchObject({ reason: { code: "UNAVAILABLE", indeterminate: false } });
      expect(String((call as PromiseRejectedResult).reason)).toContain("ECONNREFUSED");
    }
    expect(await here.health({ timeoutMs: 100 })).toMatchObject({ status: "unhealthy", latencyMs: null });
    expect(reported.length).toBeGreaterThan(0);
    expect(reported.every((error) => QueueError.is(error, "UNAVAILABLE"))).toBe(true);
  });

  test("publishMany to an unreachable broker waits for one timeout only", async () => {
    const { broker } = onServer(url);
    const here = broker({ url: nowhere, timeoutMs: 1_000 });
    const many = here.publishMany(
      tasks,
      Array.from({ length: 5_000 }, (_, n) => ({ payload: { n } })),
    );
    // Three publishes, one after the other. If publishMany waited once per thousand messages, it would take longer.
    const sequential = (async () => {
      for (let n = 0; n < 3; n++) await here.publish(tasks, { n }).catch(() => {});
    })();
    const first = await Promise.race([many.then(() => "many"), sequential.then(() => "sequential")]);
    expect(first).toBe("many");
    const results = await many;
    expect(results.every((result) => result.status === "rejected" && QueueError.is(result.reason, "UNAVAILABLE"))).toBe(
      true,
    );
  });

  test("calls succeed when the broker becomes available within their timeout", async () => {
    const proxy = await proxyTo(url);
    await proxy.shut();
    const { broker } = onServer(url);
    const here = broker({ url: proxy.url });
    const publishing = here.publish(tasks, { n: 1 });
    const consuming = here.consume(tasks, async () => {});
    await proxy.open();
    await Promise.all([publishing, consuming]);
  });

  test("onEvent reports the first connection and each replacement of a lost one", async () => {
    const proxy = await proxyTo(url);
    await proxy.shut();
    const { broker, reported, events } = onServer(url);
    const here = broker({ url: proxy.url });
    const publishing = here.publish(tasks, { n: 1 });
    await expect.poll(() => reported, PATIENCE).toHaveLength(1);
    await proxy.open();
    await publishing;
    expect(events).toMatchObject([{ details: { connection: "publishing", again: false } }]);
    await here.stats(tasks);
    expect(events).toMatchObject([{}, { details: { connection: "consuming", again: false } }]);

    await proxy.shut();
    await expect.poll(() => reported.length, PATIENCE).toBeGreaterThanOrEqual(3);
    expect(events).toHaveLength(2);
    await proxy.open();
    await expect.poll(() => events, PATIENCE).toHaveLength(4);
    const replaced = events.slice(2);
    expect(replaced.map(({ details }) => details.connection).sort()).toEqual(["consuming", "publishing"]);
    for (const { type, message, details } of replaced) {
      expect({ type, again: details.again }).toEqual({ type: "connected", again: true });
      expect(details.afterMs).toBeGreaterThan(0);
      expect(message).toBe(`Connected again after ${details.afterMs} ms (${details.connection}).`);
    }
  });

  test("the error does not suggest amqps:// for an address that has worked before", async () => {
    const proxy = await proxyTo(url);
    const { broker, reported } = onServer(url);
    const here = broker({ url: proxy.url, timeoutMs: 500 });
    // On a busy machine, connecting may take longer than the timeout.
    await vi.waitFor(() => here.stats(tasks), PATIENCE);
    await proxy.shut();
    let attempts = 0;
    const hangingUp = createServer((socket) => {
      attempts++;
      socket.destroy();
    }).listen(proxy.port, "127.0.0.1");
    await once(hangingUp, "listening");
    onTestFinished(() => void hangingUp.close());
    // When the second attempt begins, the first one has set the reason.
    await expect.poll(() => attempts, PATIENCE).toBeGreaterThanOrEqual(2);
    const error: unknown = await here.stats(tasks).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "UNAVAILABLE" });
    expect([error, ...reported].join()).not.toContain("amqps");
  });

  test("addresses are tried in turn: one refuses connections, one does not respond, one works", async () => {
    const unresponsive = createServer(() => {}).listen(0, "127.0.0.1");
    await once(unresponsive, "listening");
    onTestFinished(() => void unresponsive.close());
    const { port } = unresponsive.address() as AddressInfo;
    const { broker } = onServer(url);
    const here = broker({ url: [nowhere, `amqp://127.0.0.1:${port}`, url], timeoutMs: 9_000 });
    await Promise.all([here.publish(tasks, { n: 1 }), here.stats(tasks)]);
    expect((await here.stats(tasks)).ready).toBe(1);
  });

  test("a publish that was sent and never confirmed is indeterminate", async () => {
    const proxy = await proxyTo(url);
    const { broker, reported } = onServer(url);
    const timeoutMs = 60_000;
    const skip = skippableTime();
    const here = broker({ url: proxy.url, timeoutMs });
    await here.publish(tasks, { n: 0 });
    proxy.freeze();
    const publishing = here.publish(tasks, { n: 1 }).catch((error: unknown) => error);
    await expect.poll(async () => (await here.health({ timeoutMs: 1 })).pendingConfirms).toBe(1);
    await proxy.shut();
    await vi.waitUntil(() => reported.length > 0, PATIENCE);
    skip(timeoutMs);
    expect(await publishing).toMatchObject({ code: "UNAVAILABLE", indeterminate: true });
  });
});
