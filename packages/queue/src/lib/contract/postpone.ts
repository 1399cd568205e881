import { expect, test } from "vitest";
import { z } from "zod";
import { defineQueue } from "../definition.js";
import { postpone } from "../settlement.js";
import type { UnreadableMessage } from "../types.js";
import { type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

export function postponeContract(open: OpenDriver): void {
  test.each([
    { delays: "no retry delays", retryDelaysMs: [], inQueue: 0 },
    { delays: "longer retry delays", retryDelaysMs: [60_000], inQueue: 0 },
    { delays: "shorter retry delays", retryDelaysMs: [0, 30, 100], inQueue: 1 },
  ])(
    "postpone() with $delays redelivers after the time, without using an attempt",
    async ({ retryDelaysMs, inQueue }) => {
      const { broker, tasks, reported } = await setUp(open, { retryDelaysMs });
      const times: number[] = [];
      const { messages, handler } = recorder<TaskQueue>(() =>
        times.push(Date.now()) < 3 ? postpone({ afterMs: 250, reason: "later" }) : undefined,
      );
      await broker.publish(tasks, { n: 1 }, { id: "m", headers: { k: "v" } });
      await broker.consume(tasks, handler);
      await expect.poll(() => messages.length, PATIENCE).toBe(1);
      await expect.poll(async () => (await broker.stats(tasks)).delayed, PATIENCE).toBe(inQueue);
      await expect.poll(() => messages.length, PATIENCE).toBe(3);
      for (const [n, time] of times.entries())
        if (n > 0) expect(time - (times[n - 1] ?? 0)).toBeGreaterThanOrEqual(249);
      for (const { id, attempt, headers } of messages) expect([id, attempt, headers]).toEqual(["m", 1, { k: "v" }]);
      await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
      expect(reported).toEqual([]);
    },
  );

  test("a postponed message leaves its slot to another message, and counts for prefetch in the consumer", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [] });
    await broker.publishMany(
      tasks,
      [1, 2, 3].map((n) => ({ payload: { n } })),
    );
    const { messages, handler } = recorder<TaskQueue>(({ payload }) =>
      payload.n < 3 ? postpone({ afterMs: 60_000 }) : undefined,
    );
    const consumer = await broker.consume(tasks, handler, { concurrency: 1, prefetch: 2 });
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([1, 2]);
    expect((await broker.stats(tasks)).ready).toBe(1);
    await consumer.close();
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 3, dead: 0 });
    expect(messages).toHaveLength(2);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 31])("rejects postpone({ afterMs: %d })", (afterMs) => {
    expect(() => postpone({ afterMs })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
}

export function unreadableContract(open: OpenDriver): void {
  test("calls onUnreadable before an unreadable message is dead-lettered", async () => {
    const { broker, define, tasks } = await setUp(open);
    const lenient = define(defineQueue({ name: "tasks", payload: z.object({ n: z.any() }), retryDelaysMs: [50] }));
    await broker.publish(lenient, { n: "seven" }, { id: "bad", origin: "o" });
    await broker.publish(lenient, { n: 8 });
    const letters: UnreadableMessage[] = [];
    const { messages, handler } = recorder<TaskQueue>();
    const dead: number[] = [];
    const onUnreadable = async (letter: UnreadableMessage) => {
      letters.push(letter);
      dead.push((await broker.stats(tasks)).dead);
    };
    await broker.consume(tasks, handler, { onUnreadable });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toMatchObject([{ id: "bad", origin: "o" }]);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(letters).toEqual([
      { id: "bad", body: '{"n":"seven"}', reason: expect.stringContaining("n: "), origin: "o" },
    ]);
    expect(dead).toEqual([0]);
  });

  test("keeps an unreadable message whose onUnreadable rejects, and delivers it again after a pause", async () => {
    const { broker, define, tasks, reported } = await setUp(open);
    const lenient = define(defineQueue({ name: "tasks", payload: z.object({ n: z.any() }), retryDelaysMs: [50] }));
    await broker.publish(lenient, { n: "seven" }, { id: "bad" });
    const calls: number[] = [];
    const onUnreadable = async () => {
      calls.push(Date.now());
      if (calls.length < 3) throw new Error(`failure ${calls.length}`);
    };
    await broker.consume(tasks, async () => {}, { onUnreadable });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toMatchObject([{ id: "bad", attempts: 1 }]);
    const pauses = calls.slice(1).map((time, n) => time - (calls[n] ?? 0));
    expect(pauses).toHaveLength(2);
    for (const ms of pauses) expect(ms).toBeGreaterThanOrEqual(999);
    expect(reported.map(String).slice(0, 2)).toEqual(["Error: failure 1", "Error: failure 2"]);
    expect(reported.slice(2)).toEqual([expect.objectContaining({ code: "INVALID_PAYLOAD", messageId: "bad" })]);
  });

  test("rejects an onUnreadable that is not a function", async () => {
    const { broker, tasks } = await setUp(open);
    const options: object = { onUnreadable: "yes" };
    await expect(broker.consume(tasks, async () => {}, options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
}
