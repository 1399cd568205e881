import { expect, test } from "vitest";
import { retry } from "../verdict.js";
import { type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

/** Timers, here and in a broker, may fire a little early by another clock. */
const EARLY_MS = 5;

export function retryContract(open: OpenDriver): void {
  test("a handler that throws is tried again after each declared delay, then its message is dead-lettered", async () => {
    const { broker, tasks, reported } = await setUp(open, { retryDelaysMs: [60, 120] });
    const at: number[] = [];
    const { messages, handler } = recorder<TaskQueue>(({ attempt }) => {
      at.push(performance.now());
      throw new Error(`attempt ${attempt} failed`);
    });
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 }, { id: "m", headers: { k: "v" } });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toHaveLength(1);

    expect(messages.map(({ attempt, lastAttempt }) => [attempt, lastAttempt])).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ]);
    const [first = 0, second = 0, third = 0] = at;
    expect(second - first).toBeGreaterThanOrEqual(60 - EARLY_MS);
    expect(third - second).toBeGreaterThanOrEqual(120 - EARLY_MS);
    for (const message of messages) {
      expect(message).toMatchObject({ id: "m", headers: { k: "v" }, redelivered: false });
      expect(message.publishedAt).toEqual(messages[0]?.publishedAt);
    }
    expect(await broker.deadLetters(tasks)).toMatchObject([
      { attempts: 3, reason: "attempt 3 failed", errors: [1, 2, 3].map((n) => `attempt ${n} failed`) },
    ]);
    expect(reported.map(String)).toEqual([1, 2, 3].map((n) => `Error: attempt ${n} failed`));
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
  });

  test("a message that waits for its retry holds up no other, and counts as delayed", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [60_000] });
    const { messages, handler } = recorder<TaskQueue>(({ payload }) => (payload.n === 1 ? retry() : undefined));
    await broker.consume(tasks, handler);
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([1, 2]);
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 1, dead: 0 });
  });

  // Of 20 ms and an hour, only the first ends while a test runs.
  test.each([
    [undefined, 20, [20, 3_600_000]],
    [0, 20, [20, 3_600_000]],
    [20, 20, [20, 3_600_000]],
    [21, 300, [20, 300]],
    [300, 300, [20, 300]],
    [301, 300, [20, 300]],
  ])("retry({ afterMs: %s }) waits for the declared %i ms", async (afterMs, delayMs, retryDelaysMs) => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs });
    const at: number[] = [];
    const { messages, handler } = recorder<TaskQueue>(({ attempt }) => {
      at.push(performance.now());
      return attempt === 1 ? retry({ afterMs }) : undefined;
    });
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => messages.length, PATIENCE).toBe(2);
    const [first = 0, second = 0] = at;
    expect(second - first).toBeGreaterThanOrEqual(delayMs - EARLY_MS);
  });

  test("a retry asked for on the last attempt dead-letters, with the reason given", async () => {
    const { broker, tasks, reported } = await setUp(open, { retryDelaysMs: [10] });
    const { messages, handler } = recorder<TaskQueue>(() => retry({ reason: "the provider is away" }));
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect
      .poll(() => broker.deadLetters(tasks), PATIENCE)
      .toMatchObject([
        { attempts: 2, reason: "the provider is away", errors: ["the provider is away", "the provider is away"] },
      ]);
    expect(messages).toHaveLength(2);
    expect(reported).toEqual([]);
  });

  test("without delays the first failure is the last", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [] });
    const { messages, handler } = recorder<TaskQueue>(() => {
      throw new Error("never");
    });
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toMatchObject([{ attempts: 1, reason: "never" }]);
    expect(messages[0]?.lastAttempt).toBe(true);
  });

  test("a delay of 0 retries at once", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [0] });
    const { messages, handler } = recorder<TaskQueue>(({ attempt }) => (attempt === 1 ? retry() : undefined));
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => messages.map(({ attempt }) => attempt), PATIENCE).toEqual([1, 2]);
  });

  test("errors and reasons of any length and content are carried, cut to size", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: Array(14).fill(0) });
    const { handler } = recorder<TaskQueue>(({ attempt }) => {
      throw new Error(`${attempt}\r\n\u0000${"🎬".repeat(5_000)}`);
    });
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toHaveLength(1);
    const [letter] = await broker.deadLetters(tasks);
    expect(letter?.attempts).toBe(15);
    expect(letter?.errors.map((error) => Number.parseInt(error, 10))).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(letter?.reason.length).toBeLessThan(400);
  });
}
