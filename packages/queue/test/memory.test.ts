import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { createBroker, defineQueue, retry } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { testDriver } from "../src/testing.js";

testDriver("memory", () => ({ driver: memoryDriver() }));

const tasks = defineQueue({ name: "tasks", payload: z.object({ n: z.number() }), retryDelaysMs: [60_000] });

test("queues belong to the driver object", async () => {
  const driver = memoryDriver();
  await createBroker({ driver }).publish(tasks, { n: 1 });
  expect((await createBroker({ driver }).stats(tasks)).ready).toBe(1);
  expect((await createBroker({ driver: memoryDriver() }).stats(tasks)).ready).toBe(0);
});

test("a full driver rejects new messages until a message is handled", async () => {
  const broker = createBroker({ driver: memoryDriver({ maxMessages: 2 }) });
  await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
  await expect(broker.publish(tasks, { n: 3 })).rejects.toMatchObject({ code: "UNAVAILABLE", indeterminate: false });
  const handled: number[] = [];
  await broker.consume(tasks, async ({ payload }) => void handled.push(payload.n));
  await expect.poll(() => handled).toEqual([1, 2]);
  await broker.publish(tasks, { n: 3 });
  await expect.poll(() => handled).toEqual([1, 2, 3]);
});

test("a retry delay works with fake timers", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const broker = createBroker({ driver: memoryDriver() });
  const attempts: number[] = [];
  await broker.consume(tasks, async ({ attempt }) => {
    attempts.push(attempt);
    return attempt === 1 ? retry() : undefined;
  });
  await broker.publish(tasks, { n: 1 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(attempts).toEqual([1, 2]);
});

test.each([0, -1, 1.5, Number.NaN])("rejects maxMessages %s with INVALID_ARGUMENT", (maxMessages) => {
  expect(() => memoryDriver({ maxMessages })).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});
