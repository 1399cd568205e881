import { expect, onTestFinished, test } from "vitest";
import { message } from "../publish.js";
import { createRelay } from "../relay.js";
import { deadLetter, postpone, retry } from "../settlement.js";
import { FakeOutbox, latch, type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

/** Text with all kinds of characters that an origin can contain, of the maximum size. */
const ORIGIN = `{"q":"tasks","j":"ä💡"} ${"x".repeat(1_024)}`.slice(0, 1_019);

export function originContract(open: OpenDriver): void {
  test("delivers the origin of a message, and none if it has none", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 }, { origin: ORIGIN });
    await broker.publish(tasks, { n: 2 }, { origin: undefined });
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(2);
    expect(messages.map(({ origin }) => origin)).toEqual([ORIGIN, undefined]);
    expect(messages.map((each) => "origin" in each)).toEqual([true, false]);
    expect(messages[0]?.headers).toEqual({});
  });

  test("keeps the origin through retry, postpone, dead-lettering and redrive", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [20] });
    await broker.publish(tasks, { n: 1 }, { origin: ORIGIN });
    let call = 0;
    const verdicts = [() => postpone({ afterMs: 40 }), () => retry(), () => deadLetter("enough")];
    const { messages, handler } = recorder<TaskQueue>(() => verdicts[call++]?.());
    await broker.consume(tasks, handler);
    await expect.poll(() => broker.deadLetters(tasks), PATIENCE).toMatchObject([{ origin: ORIGIN, attempts: 2 }]);
    await broker.redrive(tasks);
    await expect.poll(() => messages.length, PATIENCE).toBe(4);
    expect(messages.map(({ origin, attempt }) => [origin, attempt])).toEqual([1, 1, 2, 1].map((n) => [ORIGIN, n]));
  });

  test("keeps the origin of a message that a closing consumer releases", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 }, { origin: ORIGIN });
    const started = latch();
    const consumer = await broker.consume(tasks, () => {
      started.open();
      return new Promise(() => {});
    });
    await started.opened;
    await consumer.close({ graceMs: 0 });
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    expect(messages[0]?.origin).toBe(ORIGIN);
  });

  test("a relay passes the origin of an entry on", async () => {
    const { broker, tasks } = await setUp(open);
    const { payload, queue } = message(tasks, { n: 1 });
    const outbox = new FakeOutbox([
      { entryId: "e1", id: "m1", queue, payload, origin: ORIGIN },
      { entryId: "e2", id: "m2", queue, payload },
    ]);
    const relay = createRelay({ outbox, broker, queues: [tasks] });
    onTestFinished(() => relay.close());
    const { messages, handler } = recorder<TaskQueue>();
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.length, PATIENCE).toBe(2);
    expect(messages.map(({ id, origin }) => [id, origin])).toEqual([
      ["m1", ORIGIN],
      ["m2", undefined],
    ]);
  });

  test.each(["", "x".repeat(1_025), "ä".repeat(513), "a\nb", "\uD800", 7])("rejects the origin %j", async (origin) => {
    const { broker, tasks } = await setUp(open);
    const options: object = { origin };
    await expect(broker.publish(tasks, { n: 1 }, options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await broker.stats(tasks)).ready).toBe(0);
  });
}
