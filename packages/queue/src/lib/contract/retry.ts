import { expect, test } from "vitest";
import { deadLetter, retry } from "../settlement.js";
import type { Broker } from "../types.js";
import { type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

/** Tolerance for timers, which can fire slightly early according to another clock. */
const EARLY_MS = 5;

export function retryContract(open: OpenDriver): void {
  test("retries a failed message after each declared delay, then dead-letters it", async () => {
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

  test("counts a message that waits for its retry as delayed, without blocking other messages", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [60_000] });
    const { messages, handler } = recorder<TaskQueue>(({ payload }) => (payload.n === 1 ? retry() : undefined));
    await broker.consume(tasks, handler);
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([1, 2]);
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 1, dead: 0 });
  });

  // A delay of an hour does not end during the test, so a wrong delay would fail the test.
  test.each([
    [undefined, 20, [20, 3_600_000]],
    [0, 20, [20, 3_600_000]],
    [20, 20, [20, 3_600_000]],
    [21, 300, [20, 300]],
    [300, 300, [20, 300]],
    [301, 300, [20, 300]],
  ])("retry({ afterMs: %s }) selects the declared delay of %i ms", async (afterMs, delayMs, retryDelaysMs) => {
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

  test("dead-letters with the given reason if the last attempt returns retry()", async () => {
    const { broker, tasks, reported } = await setUp(open, { retryDelaysMs: [10] });
    const { messages, handler } = recorder<TaskQueue>(() => retry({ reason: "the provider is unavailable" }));
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect
      .poll(() => broker.deadLetters(tasks), PATIENCE)
      .toMatchObject([
        {
          attempts: 2,
          reason: "the provider is unavailable",
          errors: ["the provider is unavailable", "the provider is unavailable"],
        },
      ]);
    expect(messages).toHaveLength(2);
    expect(reported).toEqual([]);
  });

  test("dead-letters at the first failure if no delays are declared", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [] });
    const { messages, handler } = recorder<TaskQueue>(() => {
      throw new Error("never");
    });
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toMatchObject([{ attempts: 1, reason: "never" }]);
    expect(messages[0]?.lastAttempt).toBe(true);
  });

  test("retries immediately with a delay of 0", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [0] });
    const { messages, handler } = recorder<TaskQueue>(({ attempt }) => (attempt === 1 ? retry() : undefined));
    await broker.consume(tasks, handler);
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => messages.map(({ attempt }) => attempt), PATIENCE).toEqual([1, 2]);
  });

  test("stores errors and reasons with any characters, and shortens long ones", async () => {
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
    expect(letter?.reason).toHaveLength(300);
  });
}

export function deadLetterContract(open: OpenDriver): void {
  test("dead-letters a message immediately if the handler returns deadLetter()", async () => {
    const { broker, tasks } = await setUp(open);
    const before = Date.now();
    await addDeadLetters(broker, tasks, ["a"], "no such film");
    const [letter] = await broker.deadLetters(tasks);
    expect(letter).toMatchObject({ id: "a", reason: "no such film", attempts: 1 });
    expect(JSON.parse(letter?.body ?? "")).toEqual({ n: 0, note: "none" });
    expect(letter?.at.getTime()).toBeGreaterThanOrEqual(before);
    expect(letter?.publishedAt.getTime()).toBeGreaterThanOrEqual(before);
  });

  test("lists dead letters repeatedly without losing or reordering them", async () => {
    const { broker, tasks } = await setUp(open);
    await addDeadLetters(broker, tasks, ["a", "b", "c"]);
    for (let read = 0; read < 30; read++) {
      expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["a", "b", "c"]);
    }
    expect((await broker.stats(tasks)).dead).toBe(3);
  });

  test("lists the oldest dead letters if a limit is given", async () => {
    const { broker, tasks } = await setUp(open);
    await addDeadLetters(broker, tasks, ["a", "b", "c"]);
    expect((await broker.deadLetters(tasks, { limit: 2 })).map(({ id }) => id)).toEqual(["a", "b"]);
    expect((await broker.deadLetters(tasks, { limit: 2 })).map(({ id }) => id)).toEqual(["a", "b"]);
    expect(await broker.deadLetters(tasks, { limit: undefined })).toHaveLength(3);
  });

  test("lists no dead letters of a queue that was never used", async () => {
    const { broker, tasks } = await setUp(open);
    expect(await broker.deadLetters(tasks)).toEqual([]);
    expect(await broker.redrive(tasks)).toBe(0);
  });

  test("redrive sends back all messages under the same ids and resets their attempts", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [10] });
    await addDeadLetters(broker, tasks, ["a", "b", "c"]);
    expect(await broker.redrive(tasks)).toBe(3);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 3, dead: 0 });
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler);
    await expect
      .poll(() => messages.map(({ id, attempt }) => [id, attempt]), PATIENCE)
      .toEqual([
        ["a", 1],
        ["b", 1],
        ["c", 1],
      ]);
  });

  test("redrive with ids or a limit leaves the other dead letters in their order", async () => {
    const { broker, tasks } = await setUp(open);
    await addDeadLetters(broker, tasks, ["a", "b", "c", "d", "e"]);
    expect(await broker.redrive(tasks, { ids: ["d", "b", "not there"] })).toBe(2);
    expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["a", "c", "e"]);
    expect(await broker.redrive(tasks, { limit: 2 })).toBe(2);
    expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["e"]);
    expect(await broker.redrive(tasks, { ids: [] })).toBe(0);
    expect((await broker.stats(tasks)).ready).toBe(4);
  });

  test("redrive keeps the order of many messages", async () => {
    const { broker, tasks } = await setUp(open);
    const ids = Array.from({ length: 250 }, (_, n) => `m${n}`);
    await addDeadLetters(broker, tasks, ids);
    expect(await broker.redrive(tasks)).toBe(250);
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler, { prefetch: 250 });
    await expect.poll(() => messages.length, PATIENCE).toBe(250);
    expect(messages.map(({ id }) => id)).toEqual(ids);
    expect((await broker.stats(tasks)).dead).toBe(0);
  });

  test("redrive does not exceed perSecond", async () => {
    const { broker, tasks } = await setUp(open);
    const at: number[] = [];
    await addDeadLetters(broker, tasks, ["a", "b", "c", "d", "e", "f"]);
    await broker.consume(tasks, async () => void at.push(performance.now()));
    const startedAt = performance.now();
    expect(await broker.redrive(tasks, { perSecond: 20, limit: 5 })).toBe(5);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200 - EARLY_MS);
    await expect.poll(() => at.length, PATIENCE).toBe(5);
    expect((await broker.stats(tasks)).dead).toBe(1);
  });

  test("discard with ids or a limit leaves the other dead letters in their order and delivers no message", async () => {
    const { broker, tasks } = await setUp(open);
    await addDeadLetters(broker, tasks, ["a", "b", "c", "d", "e"]);
    expect(await broker.discard(tasks, { ids: ["d", "b", "not there"] })).toBe(2);
    expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["a", "c", "e"]);
    expect(await broker.discard(tasks, { ids: [] })).toBe(0);
    expect(await broker.discard(tasks, { limit: 2 })).toBe(2);
    expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["e"]);
    expect(await broker.discard(tasks)).toBe(1);
    expect(await broker.discard(tasks)).toBe(0);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("redrive sends back a message once, even if it is dead-lettered again during the call", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [] });
    await addDeadLetters(broker, tasks, ["a", "b", "c"]);
    const { messages, handler } = recorder<TaskQueue>(() => deadLetter("again"));
    await broker.consume(tasks, handler, { concurrency: 3 });
    expect(await broker.redrive(tasks)).toBe(3);
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toHaveLength(3);
    expect(messages).toHaveLength(3);
  });

  test("rejects invalid limits and ids with INVALID_ARGUMENT", async () => {
    const { broker, tasks } = await setUp(open);
    const invalidArgument = { code: "INVALID_ARGUMENT" };
    for (const limit of [0, -1, 1.5, Number.NaN, 10_001]) {
      await expect(broker.deadLetters(tasks, { limit })).rejects.toMatchObject(invalidArgument);
    }
    await expect(broker.redrive(tasks, { limit: 0 })).rejects.toMatchObject(invalidArgument);
    await expect(broker.discard(tasks, { limit: 1.5 })).rejects.toMatchObject(invalidArgument);
    await expect(broker.discard(tasks, { ids: [""] })).rejects.toMatchObject(invalidArgument);
    for (const perSecond of [0, 0.5, Number.NaN, 100_001]) {
      await expect(broker.redrive(tasks, { perSecond })).rejects.toMatchObject(invalidArgument);
    }
    await expect(broker.redrive(tasks, { ids: [""] })).rejects.toMatchObject(invalidArgument);
    await expect(broker.redrive(tasks, { ids: "a" as unknown as string[] })).rejects.toMatchObject(invalidArgument);
  });
}

/** Publishes messages and dead-letters them in this order. */
async function addDeadLetters(
  broker: Broker,
  tasks: TaskQueue,
  ids: readonly string[],
  reason = "not now",
): Promise<void> {
  await broker.publishMany(
    tasks,
    ids.map((id, n) => ({ payload: { n }, options: { id } })),
  );
  const consumer = await broker.consume(tasks, async () => deadLetter(reason), { prefetch: 100 });
  await expect.poll(async () => (await broker.stats(tasks)).dead, PATIENCE).toBe(ids.length);
  await consumer.close();
}
