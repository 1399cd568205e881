import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { defineQueue } from "../definition.js";
import { message } from "../publish.js";
import { createRelay, type RelayEntry } from "../relay.js";
import { FakeOutbox, type OpenDriver, PATIENCE, recorder, setUp } from "./fixture.js";

const First = z.object({ film: z.string() });
const Second = z.object({ title: z.string() });
const Third = z.object({ title: z.string(), language: z.string() });

/** Definitions of the same queue in three releases. */
const base = { name: "films", retryDelaysMs: [20] };
const first = defineQueue({ ...base, payload: First });
const upcast = {
  1: (old: unknown) => ({ title: First.parse(old).film }),
  2: (old: unknown) => ({ ...Second.parse(old), language: "en" }),
};
const second = defineQueue({ ...base, payload: Second, version: 2, upcast: { 1: upcast[1] } });
const third = defineQueue({ ...base, payload: Third, version: 3, upcast });

export function upcastContract(open: OpenDriver): void {
  test("converts older payloads version by version, and delivers current ones unchanged", async () => {
    const { broker, define } = await setUp(open);
    await broker.publish(define(first), { film: "one" });
    await broker.publish(second, { title: "two" });
    await broker.publish(third, { title: "three", language: "fr" });
    const { messages, handler } = recorder<typeof third>();
    await broker.consume(third, handler);
    await expect
      .poll(() => messages.map(({ payload }) => payload), PATIENCE)
      .toEqual([
        { title: "one", language: "en" },
        { title: "two", language: "en" },
        { title: "three", language: "fr" },
      ]);
    expect(messages.map(({ headers }) => headers)).toEqual([{}, {}, {}]);
  });

  test("keeps the version of a message through retries, dead letters and redrives", async () => {
    const { broker, define } = await setUp(open);
    await broker.publish(define(first), { film: "one" });
    const { messages, handler } = recorder<typeof third>(() => {
      throw new Error("not yet");
    });
    await broker.consume(third, handler);
    await expect.poll(() => broker.stats(third), PATIENCE).toMatchObject({ dead: 1 });
    expect(JSON.parse((await broker.deadLetters(third))[0]?.body ?? "")).toEqual({ film: "one" });
    await broker.redrive(third);
    await expect.poll(() => messages.length, PATIENCE).toBe(4);
    for (const { payload } of messages) expect(payload).toEqual({ title: "one", language: "en" });
  });

  const unreadable = {
    "a newer version": {
      publish: third,
      consume: defineQueue({ ...base, payload: z.any(), version: 2 }),
      reason: /Version 3.*newer than version 2/,
    },
    "a version without an upcast": {
      publish: first,
      consume: defineQueue({ ...base, payload: z.any(), version: 3, upcast: { 2: upcast[2] } }),
      reason: /version 1.*no upcast from version 1/,
    },
    "an upcast that throws": {
      publish: first,
      consume: defineQueue({
        ...base,
        payload: z.any(),
        version: 2,
        upcast: {
          1: (old) => {
            throw new TypeError(`what is ${JSON.stringify(old)}?`);
          },
        },
      }),
      reason: /upcast from version 1 failed: it threw TypeError/,
    },
    "an upcast whose schema does not match": {
      publish: first,
      consume: defineQueue({ ...base, payload: z.any(), version: 3, upcast: { ...upcast, 1: (old) => old } }),
      reason: /upcast from version 2 failed: title: /,
    },
    "an upcast whose result does not match the schema": {
      publish: first,
      consume: defineQueue({ ...base, payload: Third, version: 2, upcast: { 1: upcast[1] } }),
      reason: /language: /,
    },
  };
  test.each(Object.entries(unreadable))(
    "dead-letters %s immediately, with a reason that does not quote the payload",
    async (_name, { publish, consume, reason }) => {
      const { broker, define, reported } = await setUp(open);
      const payload = { film: "s3cret", title: "s3cret", language: "s3cret" };
      await broker.publish<typeof first | typeof third>(define(publish), payload, { id: "m" });
      const { messages, handler } = recorder<typeof consume>();
      await broker.consume(consume, handler);
      await expect.poll(() => broker.deadLetters(consume), PATIENCE).toHaveLength(1);
      const [letter] = await broker.deadLetters(consume);
      expect(letter).toMatchObject({ id: "m", attempts: 1, reason: expect.stringMatching(reason) });
      expect(letter?.reason).not.toContain("s3cret");
      expect(reported).toEqual([expect.objectContaining({ code: "INVALID_PAYLOAD", messageId: "m" })]);
      expect(messages).toEqual([]);
    },
  );

  test("publishes outbox entries of older releases in the current version", async () => {
    const { broker, define } = await setUp(open);
    const entries = [message(first, { film: "one" }), message(second, { title: "two" }, { headers: { k: "v" } })];
    const outbox = new FakeOutbox(entries.map((each, n) => stored(each, n)));
    const relay = createRelay({ outbox, broker, queues: [define(third)] });
    onTestFinished(() => relay.close());
    await expect.poll(() => outbox.acknowledged, PATIENCE).toEqual(["e0", "e1"]);
    // Without upcasts, only payloads of the current version can be read.
    const latest = defineQueue({ ...base, payload: Third, version: 3 });
    const { messages, handler } = recorder<typeof latest>();
    await broker.consume(latest, handler);
    await expect
      .poll(() => messages.map(({ payload, headers }) => [payload, headers]), PATIENCE)
      .toEqual([
        [{ title: "one", language: "en" }, {}],
        [{ title: "two", language: "en" }, { k: "v" }],
      ]);
  });

  test("rejects an entry that cannot be converted, and leaves one of a newer version in the outbox", async () => {
    const { broker, define } = await setUp(open);
    const errors: unknown[] = [];
    const invalidVersion = { ...message(second, { title: "x" }), headers: { "x-subtitles-version": "two" } };
    const outbox = new FakeOutbox([
      stored({ ...message(first, { film: "x" }), payload: { film: 7 } }, 1),
      stored(invalidVersion, 2),
      stored(message(third, { title: "later", language: "fr" }), 3),
      stored(message(second, { title: "two" }), 4),
    ]);
    const relay = createRelay({ outbox, broker, queues: [define(second)], onError: (error) => errors.push(error) });
    onTestFinished(() => relay.close());
    await expect.poll(() => outbox.acknowledged, PATIENCE).toEqual(["e4"]);
    expect([...outbox.rejected.keys()]).toEqual(["e1", "e2"]);
    expect(outbox.rejected.get("e1")).toMatch(/upcast from version 1 failed: film: /);
    expect(errors).toHaveLength(3);
    for (const error of errors) expect(error).toMatchObject({ code: "INVALID_PAYLOAD" });
  });
}

function stored(made: Omit<RelayEntry, "entryId" | "id">, n: number): RelayEntry {
  return { ...made, entryId: `e${n}`, id: `m${n}` };
}
