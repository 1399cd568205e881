import { expect, test } from "vitest";
import { defineQueue } from "../definition.js";
import { QueueError } from "../errors.js";
import { latch, type OpenDriver, PATIENCE, recorder, setUp, Task, type TaskQueue } from "./fixture.js";

export function shutdownContract(open: OpenDriver): void {
  test("every call after close is CLOSED, and health says so", async () => {
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

  test("close may be called again, at once, before anything else, and by `await using`", async () => {
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

  test("close lets a running handler finish, and starts no other", async () => {
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

  test("a handler that finishes its work during close may still publish", async () => {
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

  test("a handler past the grace time is aborted, and its message goes to the next consumer as the same attempt", async () => {
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

  test("a handler that never settles does not hold up close, and what it does later changes nothing", async () => {
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

  test("messages whose publish was under way when the broker closed are stored or refused, never unsettled", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const publishes = Array.from({ length: 20 }, (_, n) => broker.publish(tasks, { n }));
    const results = Promise.allSettled(publishes);
    await broker.close();
    const stored = (await results).filter(({ status }) => status === "fulfilled").length;
    expect(stored).toBe(20);
    expect((await openBroker().stats(tasks)).ready).toBe(stored);
  });

  test("a grace time that cannot be right is INVALID_ARGUMENT, and closes nothing", async () => {
    const { broker, tasks } = await setUp(open);
    await expect(broker.close({ graceMs: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await broker.publish(tasks, { n: 1 });
  });
}
