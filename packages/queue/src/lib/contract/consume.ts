import { expect, test } from "vitest";
import { z } from "zod";
import { defineQueue } from "../definition.js";
import { QueueError } from "../errors.js";
import type { ConsumeOptions } from "../types.js";
import { latch, type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

export function consumeContract(open: OpenDriver): void {
  test.each([1, 3])("runs at most %i handlers at a time", async (concurrency) => {
    const { broker, tasks } = await setUp(open);
    await broker.publishMany(
      tasks,
      Array.from({ length: 12 }, (_, n) => ({ payload: { n } })),
    );
    const { opened, open: release } = latch();
    let running = 0;
    let max = 0;
    const { messages, handler } = recorder<TaskQueue>(async () => {
      max = Math.max(max, ++running);
      await opened;
      running--;
      return undefined;
    });
    await broker.consume(tasks, handler, { concurrency, prefetch: 10 });
    await expect.poll(() => running, PATIENCE).toBe(concurrency);
    release();
    await expect.poll(() => messages.length, PATIENCE).toBe(12);
    expect(max).toBe(concurrency);
  });

  test("runs one handler and prefetches one message by default", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }, { payload: { n: 3 } }]);
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<TaskQueue>(() => opened.then(() => undefined));
    await broker.consume(tasks, handler, undefined);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect((await broker.stats(tasks)).ready).toBe(2);
    release();
    await expect.poll(() => messages.length, PATIENCE).toBe(3);
  });

  test("removes a handled message from the queue", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const { messages, handler } = recorder<TaskQueue>();
    const first = openBroker();
    await first.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    await first.close();
    await expect
      .poll(() => broker.stats(tasks), PATIENCE)
      .toMatchObject({ ready: 0, delayed: 0, dead: 0, consumers: 0 });
  });

  test("distributes messages to two consumers", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const { opened, open: release } = latch();
    const left = recorder<TaskQueue>(() => opened.then(() => undefined));
    const right = recorder<TaskQueue>(() => opened.then(() => undefined));
    await broker.consume(tasks, left.handler);
    await openBroker().consume(tasks, right.handler);
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    await expect.poll(() => [left.messages.length, right.messages.length], PATIENCE).toEqual([1, 1]);
    release();
  });

  test("releases messages without a handler when a consumer closes, and redelivers them to another consumer", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await broker.publishMany(
      tasks,
      [1, 2, 3].map((n) => ({ payload: { n }, options: { id: `m${n}` } })),
    );
    const { opened, open: release } = latch();
    const first = recorder<TaskQueue>(() => opened.then(() => undefined));
    const consumer = await broker.consume(tasks, first.handler, { prefetch: 3 });
    await expect.poll(() => first.messages.length, PATIENCE).toBe(1);
    await expect.poll(async () => (await broker.stats(tasks)).ready, PATIENCE).toBe(0);
    const closing = consumer.close();

    const second = recorder<TaskQueue>();
    await openBroker().consume(tasks, second.handler);
    await expect.poll(() => second.messages.map(({ id }) => id).sort(), PATIENCE).toEqual(["m2", "m3"]);
    for (const { redelivered, attempt } of second.messages) expect([redelivered, attempt]).toEqual([true, 1]);
    release();
    await closing;
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, dead: 0 });
    expect(first.messages).toHaveLength(1);
  });

  test("dead-letters an invalid payload immediately with the reason, without blocking other messages", async () => {
    const { broker, tasks, define, reported } = await setUp(open);
    const lenient = define(defineQueue({ name: "tasks", payload: z.object({ n: z.any() }), retryDelaysMs: [50, 100] }));
    await broker.publish(lenient, { n: "seven" }, { id: "bad" });
    await broker.publish(lenient, { n: 8 }, { id: "good" });
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.map(({ id }) => id), PATIENCE).toEqual(["good"]);
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toHaveLength(1);
    const [letter] = await broker.deadLetters(tasks);
    expect(letter).toMatchObject({ id: "bad", attempts: 1, reason: expect.stringContaining("n: ") });
    expect(JSON.parse(letter?.body ?? "")).toEqual({ n: "seven" });
    expect(reported).toEqual([expect.objectContaining({ code: "INVALID_PAYLOAD", messageId: "bad" })]);
  });

  test("treats a handler that throws synchronously like one that rejects", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [] });
    await broker.publish(tasks, { n: 1 });
    await broker.consume(tasks, () => {
      throw new Error("synchronous");
    });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toMatchObject([{ reason: "synchronous" }]);
  });

  test.each<[string, ConsumeOptions]>([
    ["concurrency 0", { concurrency: 0 }],
    ["concurrency 1.5", { concurrency: 1.5 }],
    ["concurrency NaN", { concurrency: Number.NaN }],
    ["prefetch 0", { prefetch: 0 }],
    ["prefetch 65,536", { prefetch: 65_536 }],
    ["timeoutMs 0", { timeoutMs: 0 }],
    ["timeoutMs Infinity", { timeoutMs: Number.POSITIVE_INFINITY }],
  ])("rejects %s with INVALID_ARGUMENT", async (_name, options) => {
    const { broker, tasks } = await setUp(open);
    await expect(broker.consume(tasks, async () => {}, options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("treats undefined options as absent", async () => {
    const { broker, tasks } = await setUp(open);
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler, { concurrency: undefined, prefetch: undefined, timeoutMs: undefined });
    await broker.publish(tasks, { n: 1 }, { id: undefined, headers: undefined });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
  });
}

export function timeLimitContract(open: OpenDriver): void {
  test("aborts a handler that exceeds its time limit, and counts it as failed", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [20] });
    await broker.publish(tasks, { n: 1 });
    const { messages, handler } = recorder<TaskQueue>(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    );
    await broker.consume(tasks, handler, { timeoutMs: 50 });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toHaveLength(1);
    expect(messages.map(({ attempt, lastAttempt }) => [attempt, lastAttempt])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(messages.every(({ signal }) => QueueError.is(signal.reason, "TIMEOUT"))).toBe(true);
    expect(await broker.deadLetters(tasks)).toMatchObject([{ attempts: 2, reason: expect.stringContaining("50 ms") }]);
  });

  test("ignores the verdict of a handler that exceeded its time limit, and keeps its slot until it ends", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [] });
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<TaskQueue>(({ payload }) =>
      payload.n === 1 ? opened.then(() => undefined) : undefined,
    );
    await broker.consume(tasks, handler, { timeoutMs: 50 });
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ dead: 1 });
    expect(messages.map(({ payload }) => payload.n)).toEqual([1]);
    release();
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([1, 2]);
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: 1 });
  });

  test("does not abort a handler within its time limit", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 });
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler, { timeoutMs: 10_000 });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(messages[0]?.signal.aborted).toBe(false);
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });
}
