import { expect, test } from "vitest";
import { defineQueue } from "../definition.js";
import { QueueError } from "../errors.js";
import { deadLetter, retry } from "../settlement.js";
import { latch, type OpenDriver, PATIENCE, recorder, setUp, Task, type TaskQueue } from "./fixture.js";

export function statsContract(open: OpenDriver): void {
  test("stats of a queue that was never used are 0", async () => {
    const { broker, tasks } = await setUp(open);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0, consumers: 0 });
    expect((await broker.stats(tasks)).unacked ?? 0).toBe(0);
  });

  test("stats count messages by state", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [60_000] });
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<TaskQueue>(async ({ payload }) => {
      if (payload.n === 1) return retry();
      if (payload.n === 2) return deadLetter("not now");
      await opened;
      return undefined;
    });
    await broker.consume(tasks, handler);
    await broker.publishMany(
      tasks,
      [1, 2, 3, 4, 5].map((n) => ({ payload: { n } })),
    );
    await expect.poll(() => messages.length, PATIENCE).toBe(3);
    await expect
      .poll(() => broker.stats(tasks), PATIENCE)
      .toMatchObject({ ready: 2, delayed: 1, dead: 1, consumers: 1 });
    expect((await broker.stats(tasks)).unacked ?? 1).toBe(1);
    release();
  });

  test("purge removes ready and delayed messages and returns their number; dead letters stay", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [60_000] });
    const consumer = await broker.consume(tasks, async ({ payload }) => (payload.n === 1 ? retry() : deadLetter("x")));
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ delayed: 1, dead: 1 });
    await consumer.close();
    await broker.publishMany(tasks, [{ payload: { n: 3 } }, { payload: { n: 4 } }]);
    expect(await broker.purge(tasks)).toBe(3);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
    expect(await broker.purge(tasks)).toBe(0);
  });

  test("a queue works after a purge", async () => {
    const { broker, tasks } = await setUp(open);
    const { messages, handler } = recorder<TaskQueue>();
    await broker.publish(tasks, { n: 1 });
    await broker.purge(tasks);
    await broker.publish(tasks, { n: 2 });
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([2]);
  });

  test("health reports a working broker", async () => {
    const { broker, driver, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 });
    const health = await broker.health();
    expect(health).toMatchObject({
      status: "healthy",
      driver: driver.name,
      blocked: false,
      pendingConfirms: 0,
      reconnects: 0,
    });
    expect(health.latencyMs).toBeGreaterThanOrEqual(0);
    expect(health).not.toHaveProperty("error");
    for (const timeoutMs of [undefined, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40])
      expect(await broker.health({ timeoutMs })).toMatchObject({ status: "healthy" });
  });
}

export function closeContract(open: OpenDriver): void {
  test("calls after close fail with CLOSED, and health is unhealthy", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 });
    await broker.close();
    const calls = [
      () => broker.publish(tasks, { n: 1 }),
      () => broker.publishMany(tasks, [{ payload: { n: 1 } }]),
      () => broker.consume(tasks, async () => {}),
      () => broker.stats(tasks),
      () => broker.deadLetters(tasks),
      () => broker.redrive(tasks),
      () => broker.discard(tasks),
      () => broker.purge(tasks),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toSatisfy((error) => QueueError.is(error, "CLOSED"));
    }
    expect(await broker.health()).toMatchObject({ status: "unhealthy", error: expect.any(String) });
  });

  test("close can be repeated, called concurrently, called first, and called by `await using`", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await Promise.all([broker.close(), broker.close({ graceMs: undefined })]);
    await broker.close();
    const other = openBroker();
    {
      await using disposed = other;
      await using consumer = await disposed.consume(tasks, async () => {});
      expect(consumer).toBeDefined();
    }
    await expect(other.publish(tasks, { n: 1 })).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("close lets a running handler finish and starts no other handler", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<TaskQueue>(() => opened.then(() => undefined));
    await broker.consume(tasks, handler, { prefetch: 2 });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    let closed = false;
    const closing = broker.close().then(() => {
      closed = true;
    });
    const after = openBroker();
    await expect.poll(async () => (await after.stats(tasks)).ready, PATIENCE).toBe(1);
    expect([closed, messages[0]?.signal.aborted]).toEqual([false, false]);
    release();
    await closing;
    expect(messages).toHaveLength(1);
    expect(await after.stats(tasks)).toMatchObject({ ready: 1, dead: 0 });
  });

  test("a handler that is running during close can still publish", async () => {
    const { broker, openBroker, tasks, define } = await setUp(open);
    const next = define(defineQueue({ name: "next", payload: Task }));
    await broker.publish(tasks, { n: 1 });
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<TaskQueue>(async ({ payload }) => {
      await opened;
      await broker.publish(next, payload);
      return undefined;
    });
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    const closing = broker.close();
    await expect(broker.consume(tasks, handler)).rejects.toMatchObject({ code: "CLOSED" });
    release();
    await closing;
    await expect(broker.publish(tasks, { n: 2 })).rejects.toMatchObject({ code: "CLOSED" });
    const after = openBroker();
    expect(await after.stats(next)).toMatchObject({ ready: 1 });
    expect(await after.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("close aborts a handler after the grace period, and its message is redelivered with the same attempt", async () => {
    const { broker, openBroker, tasks, reported } = await setUp(open);
    await broker.publish(tasks, { n: 1 }, { id: "m" });
    const { messages, handler } = recorder<TaskQueue>(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    );
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    await broker.close({ graceMs: 20 });
    expect(QueueError.is(messages[0]?.signal.reason, "CLOSED")).toBe(true);
    const next = recorder<TaskQueue>();
    await openBroker().consume(tasks, next.handler);
    await expect.poll(() => next.messages, PATIENCE).toMatchObject([{ id: "m", attempt: 1, redelivered: true }]);
    expect(reported).toEqual([]);
  });

  test("close does not wait for a handler that never ends, and the later verdict of that handler is ignored", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 }, { id: "m" });
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<TaskQueue>(() => opened.then(() => undefined));
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    await broker.close({ graceMs: 0 });
    release();
    const next = recorder<TaskQueue>();
    await openBroker().consume(tasks, next.handler);
    await expect.poll(() => next.messages, PATIENCE).toMatchObject([{ id: "m", attempt: 1, redelivered: true }]);
  });

  test("close waits for pending publishes", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const publishes = Array.from({ length: 20 }, (_, n) => broker.publish(tasks, { n }));
    const results = Promise.allSettled(publishes);
    await broker.close();
    const stored = (await results).filter(({ status }) => status === "fulfilled").length;
    expect(stored).toBe(20);
    expect((await openBroker().stats(tasks)).ready).toBe(stored);
  });

  test("an invalid graceMs fails with INVALID_ARGUMENT and does not close the broker", async () => {
    const { broker, tasks } = await setUp(open);
    await expect(broker.close({ graceMs: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await broker.publish(tasks, { n: 1 });
  });
}
