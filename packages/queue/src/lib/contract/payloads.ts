import { describe, expect, test } from "vitest";
import { z } from "zod";
import { defineQueue } from "../definition.js";
import { message, type PublishOptions } from "../message.js";
import { type OpenDriver, PATIENCE, recorder, setUp } from "./fixture.js";

const AnyJson = z.object({ value: z.any() });

const faithful: Record<string, unknown> = {
  "an empty array": [],
  "an empty object": {},
  "an empty string": "",
  null: null,
  "a long float": 0.1 + 0.2,
  "a whole number of 16 digits": Number.MAX_SAFE_INTEGER,
  "line breaks and NUL": "a\r\nb\u0000c",
  "half a surrogate pair": "\ud800",
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

const badOptions: Record<string, PublishOptions> = {
  "an empty id": { id: "" },
  "an id of 256 bytes": { id: "é".repeat(128) },
  "a line break in the id": { id: "a\r\nb" },
  "NUL in the id": { id: "a\u0000" },
  "half a surrogate pair in the id": { id: "\udc00" },
  "an id that is no string": { id: 7 as unknown as string },
  "headers that are no object": { headers: "x" as unknown as Record<string, string> },
  "a header that is no string": { headers: { n: 1 as unknown as string } },
  "a header without a name": { headers: { "": "x" } },
  "a header name of 201 bytes": { headers: { ["n".repeat(201)]: "x" } },
  "half a surrogate pair in a header": { headers: { x: "\ud800" } },
  "a reserved header": { headers: { "X-Subtitles-Attempt": "7" } },
  "more headers than a frame holds": { headers: { x: "y".repeat(40_000) } },
};

export function payloadContract(open: OpenDriver): void {
  const anything = defineQueue({ name: "anything", payload: AnyJson, retryDelaysMs: [20] });

  test.each(Object.entries(faithful))("%s arrives as it was published", async (_name, value) => {
    const { broker, define } = await setUp(open);
    await broker.publish(define(anything), { value });
    const { messages, handler } = recorder<typeof anything>();
    await broker.consume(anything, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(messages[0]?.payload).toStrictEqual({ value });
  });

  test("-0 arrives as 0: JSON does not keep its sign", async () => {
    const { broker, define } = await setUp(open);
    await broker.publish(define(anything), { value: [-0] });
    const { messages, handler } = recorder<typeof anything>();
    await broker.consume(anything, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(messages[0]?.payload).toStrictEqual({ value: [0] });
  });

  test("headers and ids arrive as they were published, also after a retry and a redrive", async () => {
    const { broker, define } = await setUp(open);
    // The broker reads some of these names itself, and JavaScript one.
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

  describe("what is not JSON is INVALID_PAYLOAD, in publish and in message", () => {
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

  describe("what can never be right is INVALID_ARGUMENT, in publish and in message", () => {
    test.each(Object.entries(badOptions))("%s", async (_name, options) => {
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

  test("a refused payload is not quoted in the error", async () => {
    const { broker, tasks } = await setUp(open);
    const secret = { n: "s3cret" as unknown as number };
    const error: unknown = await broker.publish(tasks, secret).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "INVALID_PAYLOAD", message: expect.stringContaining("n: ") });
    expect(JSON.stringify(error) + String(error)).not.toContain("s3cret");
  });
}

function cycle(): unknown {
  const around: { self?: unknown } = {};
  around.self = around;
  return around;
}
