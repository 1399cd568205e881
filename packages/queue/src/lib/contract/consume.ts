import { expect, test } from "vitest";
import { z } from "zod";
import type { ConsumeOptions } from "../broker.js";
import { defineQueue } from "../definition.js";
import { latch, type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

export function consumeContract(open: OpenDriver): void {
  test.each([1, 3])("at most %i handlers run at a time", async (concurrency) => {
    const { broker, tasks } = await setUp(open);
    await broker.publishMany(
      tasks,
      Array.from({ length: 12 }, (_, n) => ({ payload: { n } })),
    );
    const { opened, open: release } = latch();
    let running = 0;
    let most = 0;
    const { messages, handler } = recorder<TaskQueue>(async () => {
      most = Math.max(most, ++running);
      await opened;
      running--;
      return undefined;
    });
    await broker.consume(tasks, handler, { concurrency, prefetch: 10 });
    await expect.poll(() => running, PATIENCE).toBe(concurrency);
    release();
    await expect.poll(() => messages.length, PATIENCE).toBe(12);
    expect(most).toBe(concurrency);
  });

  test("without options one handler runs at a time and one message is held", async () => {
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

  test("a message that was handled is gone", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const { messages, handler } = recorder<TaskQueue>();
    const first = openBroker();
    await first.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    await first.close();
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0, consumers: 0 });
  });

  test("two consumers share the messages", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const { opened, open: release } = latch();
    const here = recorder<TaskQueue>(() => opened.then(() => undefined));
    const there = recorder<TaskQueue>(() => opened.then(() => undefined));
    await broker.consume(tasks, here.handler);
    await openBroker().consume(tasks, there.handler);
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    await expect.poll(() => [here.messages.length, there.messages.length], PATIENCE).toEqual([1, 1]);
    release();
  });

  test("a consumer that closes gives back what it did not start; the rest goes on elsewhere, flagged as redelivered", async () => {
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

  test("a payload that does not parse is dead-lettered at once, with the reason, and holds up nothing", async () => {
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

  test("a handler that throws before it returns a promise fails like any other", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [] });
    await broker.publish(tasks, { n: 1 });
    await broker.consume(tasks, () => {
      throw new Error("at once");
    });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toMatchObject([{ reason: "at once" }]);
  });

  test.each<[string, ConsumeOptions]>([
    ["concurrency 0", { concurrency: 0 }],
    ["concurrency 1.5", { concurrency: 1.5 }],
    ["concurrency NaN", { concurrency: Number.NaN }],
    ["prefetch 0", { prefetch: 0 }],
    ["prefetch 65,536", { prefetch: 65_536 }],
    ["timeoutMs 0", { timeoutMs: 0 }],
    ["timeoutMs Infinity", { timeoutMs: Number.POSITIVE_INFINITY }],
  ])("%s is INVALID_ARGUMENT", async (_name, options) => {
    const { broker, tasks } = await setUp(open);
    await expect(broker.consume(tasks, async () => {}, options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("options that are undefined count as absent", async () => {
    const { broker, tasks } = await setUp(open);
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler, { concurrency: undefined, prefetch: undefined, timeoutMs: undefined });
    await broker.publish(tasks, { n: 1 }, { id: undefined, headers: undefined });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
  });
}
