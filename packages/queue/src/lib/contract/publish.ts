import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineQueue } from "../definition.js";
import { QueueError } from "../errors.js";
import { message } from "../publish.js";
import type { PublishOptions } from "../types.js";
import { type OpenDriver, PATIENCE, recorder, setUp, Task } from "./fixture.js";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function publishContract(open: OpenDriver): void {
  test("returns the given message id, or a new UUID v7", async () => {
    const { broker, tasks } = await setUp(open);
    expect(await broker.publish(tasks, { n: 1 }, { id: "given" })).toEqual({ id: "given" });
    const [first, second] = await Promise.all([broker.publish(tasks, { n: 2 }), broker.publish(tasks, { n: 3 })]);
    expect(first.id).toMatch(UUID_V7);
    expect(second.id).not.toBe(first.id);
  });

  test("delivers the parsed payload with the id, the headers and the time of the publish", async () => {
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

  test("delivers messages to one consumer in the order of publishing", async () => {
    const { broker, tasks } = await setUp(open);
    const { messages, handler } = recorder<typeof tasks>();
    await Promise.all(Array.from({ length: 50 }, (_, n) => broker.publish(tasks, { n })));
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(50);
    expect(messages.map(({ payload }) => payload.n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test("publishMany returns one result per message, and an invalid message does not affect the others", async () => {
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

  test("publishMany keeps the order of more messages than can be in flight", async () => {
    const { broker, tasks } = await setUp(open);
    const payloads = Array.from({ length: 2_500 }, (_, n) => ({ payload: { n } }));
    const results = await broker.publishMany(tasks, payloads);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(2_500);
    const { messages, handler } = recorder<typeof tasks>();
    await broker.consume(tasks, handler, { prefetch: 500 });
    await expect.poll(() => messages.length, PATIENCE).toBe(2_500);
    expect(messages.map(({ payload }) => payload.n)).toEqual(payloads.map(({ payload }) => payload.n));
  });

  test("publishMany of no messages returns no results", async () => {
    const { broker, tasks } = await setUp(open);
    expect(await broker.publishMany(tasks, [])).toEqual([]);
  });

  test("delivers a message only to its own queue", async () => {
    const { broker, tasks, define } = await setUp(open);
    const others = define(defineQueue({ name: "others", payload: z.object({ x: z.string() }) }));
    await broker.publish(others, { x: "other" });
    await broker.publish(tasks, { n: 1 });
    const { messages, handler } = recorder<typeof tasks>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect((await broker.stats(others)).ready).toBe(1);
  });

  test("delivers a message that another broker object published", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await openBroker().publish(tasks, { n: 7 });
    const { messages, handler } = recorder<typeof tasks>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([7]);
  });

  test("checks a definition that was not made by defineQueue before sending", async () => {
    const { broker } = await setUp(open);
    const made = { name: "not a name", payload: Task, retryDelaysMs: [], type: "quorum" as const };
    await expect(broker.publish(made, { n: 1 })).rejects.toSatisfy((error) => QueueError.is(error, "INVALID_ARGUMENT"));
  });

  test("supports classic queues", async () => {
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

const AnyJson = z.object({ value: z.any() });

const preserved: Record<string, unknown> = {
  "an empty array": [],
  "an empty object": {},
  "an empty string": "",
  null: null,
  "a long float": 0.1 + 0.2,
  "an integer of 16 digits": Number.MAX_SAFE_INTEGER,
  "line breaks and NUL": "a\r\nb\u0000c",
  "an unpaired surrogate": "\ud800",
  emoji: "🎬 字幕",
  "a key that is __proto__": JSON.parse('{"__proto__": {"polluted": true}}'),
  "a hundred levels": Array.from({ length: 100 }).reduce((inner) => [inner], "deep"),
  "a megabyte of text": "x".repeat(2 ** 20),
};

const notJson: Record<string, unknown> = {
  "a bigint": 1n,
  "a Date": new Date(),
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "a function": () => 1,
  "a symbol": Symbol("s"),
  "a Map": new Map(),
  "a hole in an array": [undefined],
  "a cycle": cycle(),
  "ten thousand levels": Array.from({ length: 10_000 }).reduce((inner) => [inner], "deep"),
  "more than 16 MiB": "x".repeat(2 ** 24),
};

const invalidOptions: Record<string, PublishOptions> = {
  "an empty id": { id: "" },
  "an id of 256 bytes": { id: "é".repeat(128) },
  "a line break in the id": { id: "a\r\nb" },
  "NUL in the id": { id: "a\u0000" },
  "an unpaired surrogate in the id": { id: "\udc00" },
  "an id that is not a string": { id: 7 as unknown as string },
  "headers that are not an object": { headers: "x" as unknown as Record<string, string> },
  "a header that is not a string": { headers: { n: 1 as unknown as string } },
  "a header without a name": { headers: { "": "x" } },
  "a header name of 201 bytes": { headers: { ["n".repeat(201)]: "x" } },
  "an unpaired surrogate in a header": { headers: { x: "\ud800" } },
  "a reserved header": { headers: { "X-Subtitles-Attempt": "7" } },
  "headers that are larger than a frame": { headers: { x: "y".repeat(40_000) } },
};

export function payloadContract(open: OpenDriver): void {
  const anything = defineQueue({ name: "anything", payload: AnyJson, retryDelaysMs: [20] });

  test.each(Object.entries(preserved))("delivers %s unchanged", async (_name, value) => {
    const { broker, define } = await setUp(open);
    await broker.publish(define(anything), { value });
    const { messages, handler } = recorder<typeof anything>();
    await broker.consume(anything, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(messages[0]?.payload).toStrictEqual({ value });
  });

  test("delivers -0 as 0, because JSON does not keep the sign", async () => {
    const { broker, define } = await setUp(open);
    await broker.publish(define(anything), { value: [-0] });
    const { messages, handler } = recorder<typeof anything>();
    await broker.consume(anything, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(messages[0]?.payload).toStrictEqual({ value: [0] });
  });

  test("delivers headers and ids unchanged, also after a retry and a redrive", async () => {
    const { broker, define } = await setUp(open);
    // Some of these names have a special meaning for the broker or for JavaScript.
    const names = [
      "CC",
      "BCC",
      "x-death",
      "x-delivery-count",
      "x-match",
      "x-request-id",
      "__proto__",
      "constructor",
      "é",
    ];
    const headers = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
    const id = 'job:*{x}"; drop 字幕';
    await broker.publish(define(anything), { value: 1 }, { id, headers });
    const { messages, handler } = recorder<typeof anything>(() => {
      throw new Error("not yet");
    });
    await broker.consume(anything, handler);
    await expect.poll(() => broker.stats(anything), PATIENCE).toMatchObject({ dead: 1 });
    await broker.redrive(anything);
    await expect.poll(() => messages.length, PATIENCE).toBe(4);
    for (const message of messages) expect(message).toMatchObject({ id, headers });
    expect(messages.map((message) => Object.keys(message.headers).sort())).toEqual(Array(4).fill([...names].sort()));
  });

  describe("publish and message reject with INVALID_PAYLOAD:", () => {
    test.each(Object.entries(notJson))("%s", async (_name, value) => {
      const { broker, define } = await setUp(open);
      await expect(broker.publish(define(anything), { value })).rejects.toMatchObject({
        name: "QueueError",
        code: "INVALID_PAYLOAD",
        queue: "anything",
      });
      expect(() => message(anything, { value })).toThrowError(expect.objectContaining({ code: "INVALID_PAYLOAD" }));
      expect((await broker.stats(anything)).ready).toBe(0);
    });
  });

  describe("publish and message reject with INVALID_ARGUMENT:", () => {
    test.each(Object.entries(invalidOptions))("%s", async (_name, options) => {
      const { broker, define } = await setUp(open);
      await expect(broker.publish(define(anything), { value: 1 }, options)).rejects.toMatchObject({
        name: "QueueError",
        code: "INVALID_ARGUMENT",
      });
      expect(() => message(anything, { value: 1 }, options)).toThrowError(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
      expect((await broker.stats(anything)).ready).toBe(0);
    });
  });

  test("does not quote an invalid payload in the error", async () => {
    const { broker, tasks } = await setUp(open);
    const secret = { n: "s3cret" as unknown as number };
    const error: unknown = await broker.publish(tasks, secret).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "INVALID_PAYLOAD", message: expect.stringContaining("n: ") });
    expect(JSON.stringify(error) + String(error)).not.toContain("s3cret");
  });
}

function cycle(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}
