import { describe, expect, test } from "vitest";
import { defineQueue } from "../definition.js";
import { deadLetter } from "../settlement.js";
import type { Dedupe } from "../types.js";
import { latch, type OpenDriver, PATIENCE, recorder, setUp, Task, type TaskQueue } from "./fixture.js";

export function dedupeContract(open: OpenDriver): void {
  test("acknowledges a message that was handled before, without running its handler", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    const dedupe = new FakeStore();
    await broker.publishMany(tasks, [
      { payload: { n: 1 }, options: { id: "a" } },
      { payload: { n: 1 }, options: { id: "a" } },
      { payload: { n: 2 }, options: { id: "b" } },
    ]);
    const { messages, handler } = recorder<TaskQueue>();
    const consumer = openBroker();
    await consumer.consume(tasks, handler, { dedupe });
    await expect.poll(() => messages.map(({ id }) => id), PATIENCE).toEqual(["a", "b"]);
    await consumer.close();
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
    expect([...dedupe.keys]).toEqual(["tasks/a", "tasks/b"]);
  });

  test("handles concurrent duplicates one after the other, without blocking other messages", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publishMany(
      tasks,
      ["a", "a", "b"].map((id, n) => ({ payload: { n }, options: { id } })),
    );
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<TaskQueue>(({ id }) =>
      id === "a" ? opened.then(() => undefined) : undefined,
    );
    const dedupe = new FakeStore();
    const consumer = await broker.consume(tasks, handler, { concurrency: 3, dedupe });
    await expect.poll(() => [...dedupe.keys], PATIENCE).toEqual(["tasks/b"]);
    release();
    await consumer.close();
    expect(messages.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, dead: 0 });
  });

  test("does not treat retries, dead letters and redrives as duplicates", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [10] });
    await broker.publish(tasks, { n: 1 }, { id: "a" });
    let handled = 0;
    const { messages, handler } = recorder<TaskQueue>(() => {
      if (++handled === 1) throw new Error("again");
      return handled === 2 ? deadLetter("enough") : undefined;
    });
    const dedupe = new FakeStore();
    await broker.consume(tasks, handler, { dedupe });
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ dead: 1 });
    expect(dedupe.keys.size).toBe(0);
    await broker.redrive(tasks);
    await expect.poll(() => [...dedupe.keys], PATIENCE).toEqual(["tasks/a"]);
    expect(messages.map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
  });

  test("does not treat messages with the same id in two queues as duplicates", async () => {
    const { broker, tasks, define } = await setUp(open);
    const others = define(defineQueue({ name: "others", payload: Task }));
    const dedupe = new FakeStore();
    const { messages, handler } = recorder<TaskQueue>();
    for (const queue of [tasks, others]) {
      await broker.publish(queue, { n: 1 }, { id: "same" });
      await broker.consume(queue, handler, { dedupe });
    }
    await expect.poll(() => messages.length, PATIENCE).toBe(2);
  });

  describe("handles the message and reports the error if the store", () => {
    test.each<[string, Partial<Dedupe>, string]>([
      ["rejects in seen", { seen: () => Promise.reject(new Error("seen")) }, "Error: seen"],
      ["rejects in remember", { remember: () => Promise.reject(new Error("remember")) }, "Error: remember"],
      [
        "throws synchronously",
        {
          seen: () => {
            throw new Error("synchronous");
          },
        },
        "Error: synchronous",
      ],
    ])("%s", async (_name, broken, message) => {
      const { broker, openBroker, tasks, reported } = await setUp(open);
      await broker.publish(tasks, { n: 1 }, { id: "a" });
      const { messages, handler } = recorder<TaskQueue>();
      const consumer = openBroker();
      const dedupe: Dedupe = { seen: async () => false, remember: async () => {}, ...broken };
      await consumer.consume(tasks, handler, { dedupe });
      await expect.poll(() => messages.length, PATIENCE).toBe(1);
      await consumer.close();
      expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
      expect(reported.map(String)).toEqual([message]);
    });

    test("handles the message if the store returns a value other than true", async () => {
      const { broker, tasks } = await setUp(open);
      await broker.publish(tasks, { n: 1 });
      const { messages, handler } = recorder<TaskQueue>();
      const dedupe = { seen: async () => "yes" as unknown as boolean, remember: async () => {} };
      await broker.consume(tasks, handler, { dedupe });
      await expect.poll(() => messages.length, PATIENCE).toBe(1);
    });
  });

  test("releases the message without starting its handler if the consumer closes during the call of the store", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 }, { id: "a" });
    const { opened, open: release } = latch();
    let calls = 0;
    const seen = async () => {
      await opened;
      calls++;
      return false;
    };
    const dedupe: Dedupe = { seen, remember: async () => {} };
    const { messages, handler } = recorder<TaskQueue>();
    const closing = openBroker();
    await closing.consume(tasks, handler, { dedupe });
    await expect.poll(async () => (await broker.stats(tasks)).ready, PATIENCE).toBe(0);
    await closing.close({ graceMs: 0 });
    release();
    await expect.poll(() => calls, PATIENCE).toBe(1);
    await expect.poll(async () => (await broker.stats(tasks)).ready, PATIENCE).toBe(1);
    expect(messages).toEqual([]);
  });

  test("rejects an object without seen and remember with INVALID_ARGUMENT", async () => {
    const { broker, tasks } = await setUp(open);
    for (const dedupe of [{}, { seen: async () => true }, null, "store"] as unknown as Dedupe[]) {
      await expect(broker.consume(tasks, async () => {}, { dedupe })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    }
  });
}

class FakeStore implements Dedupe {
  readonly keys = new Set<string>();
  async seen(key: string): Promise<boolean> {
    return this.keys.has(key);
  }
  async remember(key: string): Promise<void> {
    this.keys.add(key);
  }
}
