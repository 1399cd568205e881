import { expect, test } from "vitest";
import { QueueError } from "../errors.js";
import { latch, type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

export function timeLimitContract(open: OpenDriver): void {
  test("a handler past its time is aborted through its signal and counted as failed", async () => {
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

  test("one that ignores its signal keeps its place until it settles, and its verdict comes too late", async () => {
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

  test("a handler within its time is left alone", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 });
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler, { timeoutMs: 10_000 });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(messages[0]?.signal.aborted).toBe(false);
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });
}
