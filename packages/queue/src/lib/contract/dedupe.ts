import { describe, expect, test } from "vitest";
import type { Dedupe } from "../dedupe.js";
import { defineQueue } from "../definition.js";
import { deadLetter } from "../verdict.js";
import { latch, type OpenDriver, PATIENCE, recorder, setUp, Task, type TaskQueue } from "./fixture.js";

export function dedupeContract(open: OpenDriver): void {
  test("a message that was handled before is acknowledged without its handler", async () => {
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

  test("duplicates in hand at the same time take turns, and other messages go on", async () => {
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

  test("retries, dead letters and redrives are no duplicates: only what was handled to its end is", async () => {
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

  test("messages of one id in two queues are no duplicates of each other", async () => {
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

  describe("a store that fails loses no message, and drops none", () => {
    test.each<[string, Partial<Dedupe>, string]>([
      ["rejects to tell", { seen: () => Promise.reject(new Error("seen")) }, "Error: seen"],
      ["rejects to remember", { remember: () => Promise.reject(new Error("remember")) }, "Error: remember"],
      [
        "throws before it returns a promise",
        {
          seen: () => {
            throw new Error("at once");
          },
        },
        "Error: at once",
      ],
    ])("one that %s", async (_name, broken, said) => {
      const { broker, openBroker, tasks, reported } = await setUp(open);
      await broker.publish(tasks, { n: 1 }, { id: "a" });
      const { messages, handler } = recorder<TaskQueue>();
      const consumer = openBroker();
      const dedupe: Dedupe = { seen: async () => false, remember: async () => {}, ...broken };
      await consumer.consume(tasks, handler, { dedupe });
      await expect.poll(() => messages.length, PATIENCE).toBe(1);
      await consumer.close();
      expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
      expect(reported.map(String)).toEqual([said]);
    });

    test("an answer that is not true is no reason to drop a message", async () => {
      const { broker, tasks } = await setUp(open);
      await broker.publish(tasks, { n: 1 });
      const { messages, handler } = recorder<TaskQueue>();
      const dedupe = { seen: async () => "yes" as unknown as boolean, remember: async () => {} };
      await broker.consume(tasks, handler, { dedupe });
      await expect.poll(() => messages.length, PATIENCE).toBe(1);
    });
  });

  test("a consumer that closes while the store is asked gives the message back, and starts no handler", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 }, { id: "a" });
    const { opened, open: release } = latch();
    let asked = 0;
    const seen = async () => {
      await opened;
      asked++;
      return false;
    };
    const dedupe: Dedupe = { seen, remember: async () => {} };
    const { messages, handler } = recorder<TaskQueue>();
    const closing = openBroker();
    await closing.consume(tasks, handler, { dedupe });
    await expect.poll(async () => (await broker.stats(tasks)).ready, PATIENCE).toBe(0);
    await closing.close({ graceMs: 0 });
    release();
    await expect.poll(() => asked, PATIENCE).toBe(1);
    await expect.poll(async () => (await broker.stats(tasks)).ready, PATIENCE).toBe(1);
    expect(messages).toEqual([]);
  });

  test("something without seen and remember is INVALID_ARGUMENT", async () => {
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
