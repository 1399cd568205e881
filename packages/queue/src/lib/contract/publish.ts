import { expect, test } from "vitest";
import { z } from "zod";
import { defineQueue } from "../definition.js";
import { QueueError } from "../errors.js";
import { type OpenDriver, PATIENCE, recorder, setUp, Task } from "./fixture.js";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function publishContract(open: OpenDriver): void {
  test("answers the message's id: the given one, or a new UUID v7", async () => {
    const { broker, tasks } = await setUp(open);
    expect(await broker.publish(tasks, { n: 1 }, { id: "given" })).toEqual({ id: "given" });
    const [first, second] = await Promise.all([broker.publish(tasks, { n: 2 }), broker.publish(tasks, { n: 3 })]);
    expect(first.id).toMatch(UUID_V7);
    expect(second.id).not.toBe(first.id);
  });

  test("a message arrives as its schema reads it, with all that was published beside it", async () => {
    const { broker, tasks } = await setUp(open);
    const before = Date.now();
    await broker.publish(tasks, { n: 1 }, { id: "one", headers: { traceparent: "00-ab-cd-01" } });
    const after = Date.now();
    const { messages, handler } = recorder<typeof tasks>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(messages[0]).toMatchObject({
      id: "one",
      payload: { n: 1, note: "none" },
      headers: { traceparent: "00-ab-cd-01" },
      attempt: 1,
      lastAttempt: false,
      redelivered: false,
    });
    const publishedAt = messages[0]?.publishedAt.getTime() ?? 0;
    expect(publishedAt).toBeGreaterThanOrEqual(before);
    expect(publishedAt).toBeLessThanOrEqual(after);
  });

  test("one consumer sees messages in the order they were published, awaited or not", async () => {
    const { broker, tasks } = await setUp(open);
    const { messages, handler } = recorder<typeof tasks>();
    await Promise.all(Array.from({ length: 50 }, (_, n) => broker.publish(tasks, { n })));
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(50);
    expect(messages.map(({ payload }) => payload.n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test("publishMany settles each message by itself, in order, and a bad one harms no neighbour", async () => {
    const { broker, tasks } = await setUp(open);
    const results = await broker.publishMany(tasks, [
      { payload: { n: 1 }, options: { id: "a" } },
      { payload: { n: Number.NaN } },
      { payload: { n: 3 }, options: { id: "" } },
      { payload: { n: 4 }, options: { id: "d" } },
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(results[0]).toMatchObject({ value: { id: "a" } });
    expect(results[1]).toMatchObject({ reason: { code: "INVALID_PAYLOAD" } });
    expect(results[2]).toMatchObject({ reason: { code: "INVALID_ARGUMENT" } });
    const { messages, handler } = recorder<typeof tasks>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.map(({ id }) => id), PATIENCE).toEqual(["a", "d"]);
  });

  test("publishMany of more messages than may be under way keeps them all, in order", async () => {
    const { broker, tasks } = await setUp(open);
    const payloads = Array.from({ length: 2_500 }, (_, n) => ({ payload: { n } }));
    const results = await broker.publishMany(tasks, payloads);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(2_500);
    const { messages, handler } = recorder<typeof tasks>();
    await broker.consume(tasks, handler, { prefetch: 500 });
    await expect.poll(() => messages.length, PATIENCE).toBe(2_500);
    expect(messages.map(({ payload }) => payload.n)).toEqual(payloads.map(({ payload }) => payload.n));
  });

  test("publishMany of nothing answers nothing", async () => {
    const { broker, tasks } = await setUp(open);
    expect(await broker.publishMany(tasks, [])).toEqual([]);
  });

  test("queues do not see each other's messages", async () => {
    const { broker, tasks, define } = await setUp(open);
    const others = define(defineQueue({ name: "others", payload: z.object({ x: z.string() }) }));
    await broker.publish(others, { x: "elsewhere" });
    await broker.publish(tasks, { n: 1 });
    const { messages, handler } = recorder<typeof tasks>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect((await broker.stats(others)).ready).toBe(1);
  });

  test("what another broker published over the same driver arrives", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await openBroker().publish(tasks, { n: 7 });
    const { messages, handler } = recorder<typeof tasks>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([7]);
  });

  test("a definition that was not made by defineQueue is checked before anything is sent", async () => {
    const { broker } = await setUp(open);
    const made = { name: "not a name", payload: Task, retryDelaysMs: [], type: "quorum" as const };
    await expect(broker.publish(made, { n: 1 })).rejects.toSatisfy((error) => QueueError.is(error, "INVALID_ARGUMENT"));
  });

  test("a classic queue does the same", async () => {
    const { broker, define } = await setUp(open);
    const classic = define(defineQueue({ name: "plain", payload: Task, retryDelaysMs: [20], type: "classic" }));
    await broker.publish(classic, { n: 1 });
    const { messages, handler } = recorder<typeof classic>(({ attempt }) => {
      throw new Error(`attempt ${attempt}`);
    });
    await broker.consume(classic, handler);
    await expect.poll(() => broker.stats(classic), PATIENCE).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
    expect(messages.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });
}
