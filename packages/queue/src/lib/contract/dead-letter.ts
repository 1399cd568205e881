import { expect, test } from "vitest";
import type { Broker } from "../broker.js";
import { deadLetter } from "../verdict.js";
import { type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

/** Timers, here and in a broker, may fire a little early by another clock. */
const EARLY_MS = 5;

export function deadLetterContract(open: OpenDriver): void {
  test("a handler may give a message up at once, with a reason", async () => {
    const { broker, tasks } = await setUp(open);
    const before = Date.now();
    await bury(broker, tasks, ["a"], "no such film");
    const [letter] = await broker.deadLetters(tasks);
    expect(letter).toMatchObject({ id: "a", reason: "no such film", attempts: 1 });
    expect(JSON.parse(letter?.body ?? "")).toEqual({ n: 0, note: "none" });
    expect(letter?.at.getTime()).toBeGreaterThanOrEqual(before);
    expect(letter?.publishedAt.getTime()).toBeGreaterThanOrEqual(before);
  });

  test("looking at dead letters, however often, neither loses one nor changes their order", async () => {
    const { broker, tasks } = await setUp(open);
    await bury(broker, tasks, ["a", "b", "c"]);
    for (let look = 0; look < 30; look++) {
      expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["a", "b", "c"]);
    }
    expect((await broker.stats(tasks)).dead).toBe(3);
  });

  test("a limit shows the oldest, and the same ones again", async () => {
    const { broker, tasks } = await setUp(open);
    await bury(broker, tasks, ["a", "b", "c"]);
    expect((await broker.deadLetters(tasks, { limit: 2 })).map(({ id }) => id)).toEqual(["a", "b"]);
    expect((await broker.deadLetters(tasks, { limit: 2 })).map(({ id }) => id)).toEqual(["a", "b"]);
    expect(await broker.deadLetters(tasks, { limit: undefined })).toHaveLength(3);
  });

  test("a queue without dead letters has none, also when it was never used", async () => {
    const { broker, tasks } = await setUp(open);
    expect(await broker.deadLetters(tasks)).toEqual([]);
    expect(await broker.redrive(tasks)).toBe(0);
  });

  test("redrive sends all back under the same ids, attempts reset", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [10] });
    await bury(broker, tasks, ["a", "b", "c"]);
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

  test("redrive of some, by id or by number, leaves the others in their order", async () => {
    const { broker, tasks } = await setUp(open);
    await bury(broker, tasks, ["a", "b", "c", "d", "e"]);
    expect(await broker.redrive(tasks, { ids: ["d", "b", "not there"] })).toBe(2);
    expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["a", "c", "e"]);
    expect(await broker.redrive(tasks, { limit: 2 })).toBe(2);
    expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["e"]);
    expect(await broker.redrive(tasks, { ids: [] })).toBe(0);
    expect((await broker.stats(tasks)).ready).toBe(4);
  });

  test("redrive of many keeps their order", async () => {
    const { broker, tasks } = await setUp(open);
    const ids = Array.from({ length: 250 }, (_, n) => `m${n}`);
    await bury(broker, tasks, ids);
    expect(await broker.redrive(tasks)).toBe(250);
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler, { prefetch: 250 });
    await expect.poll(() => messages.length, PATIENCE).toBe(250);
    expect(messages.map(({ id }) => id)).toEqual(ids);
    expect((await broker.stats(tasks)).dead).toBe(0);
  });

  test("redrive sends no more a second than it was told", async () => {
    const { broker, tasks } = await setUp(open);
    const at: number[] = [];
    await bury(broker, tasks, ["a", "b", "c", "d", "e", "f"]);
    await broker.consume(tasks, async () => void at.push(performance.now()));
    const startedAt = performance.now();
    expect(await broker.redrive(tasks, { perSecond: 20, limit: 5 })).toBe(5);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200 - EARLY_MS);
    await expect.poll(() => at.length, PATIENCE).toBe(5);
    expect((await broker.stats(tasks)).dead).toBe(1);
  });

  test("discard of some, by id or by number, leaves the others in their order, and delivers none", async () => {
    const { broker, tasks } = await setUp(open);
    await bury(broker, tasks, ["a", "b", "c", "d", "e"]);
    expect(await broker.discard(tasks, { ids: ["d", "b", "not there"] })).toBe(2);
    expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["a", "c", "e"]);
    expect(await broker.discard(tasks, { ids: [] })).toBe(0);
    expect(await broker.discard(tasks, { limit: 2 })).toBe(2);
    expect((await broker.deadLetters(tasks)).map(({ id }) => id)).toEqual(["e"]);
    expect(await broker.discard(tasks)).toBe(1);
    expect(await broker.discard(tasks)).toBe(0);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("messages that fail again while they are redriven are redriven once, not for ever", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [] });
    await bury(broker, tasks, ["a", "b", "c"]);
    const { messages, handler } = recorder<TaskQueue>(() => deadLetter("again"));
    await broker.consume(tasks, handler, { concurrency: 3 });
    expect(await broker.redrive(tasks)).toBe(3);
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toHaveLength(3);
    expect(messages).toHaveLength(3);
  });

  test("limits and ids that cannot be right are INVALID_ARGUMENT", async () => {
    const { broker, tasks } = await setUp(open);
    const refused = { code: "INVALID_ARGUMENT" };
    for (const limit of [0, -1, 1.5, Number.NaN, 10_001]) {
      await expect(broker.deadLetters(tasks, { limit })).rejects.toMatchObject(refused);
    }
    await expect(broker.redrive(tasks, { limit: 0 })).rejects.toMatchObject(refused);
    await expect(broker.discard(tasks, { limit: 1.5 })).rejects.toMatchObject(refused);
    await expect(broker.discard(tasks, { ids: [""] })).rejects.toMatchObject(refused);
    for (const perSecond of [0, 0.5, Number.NaN, 100_001]) {
      await expect(broker.redrive(tasks, { perSecond })).rejects.toMatchObject(refused);
    }
    await expect(broker.redrive(tasks, { ids: [""] })).rejects.toMatchObject(refused);
    await expect(broker.redrive(tasks, { ids: "a" as unknown as string[] })).rejects.toMatchObject(refused);
  });
}

/** Publishes messages and has them dead-lettered, in this order. */
async function bury(broker: Broker, tasks: TaskQueue, ids: readonly string[], reason = "buried"): Promise<void> {
  await broker.publishMany(
    tasks,
    ids.map((id, n) => ({ payload: { n }, options: { id } })),
  );
  const consumer = await broker.consume(tasks, async () => deadLetter(reason), { prefetch: 100 });
  await expect.poll(async () => (await broker.stats(tasks)).dead, PATIENCE).toBe(ids.length);
  await consumer.close();
}
