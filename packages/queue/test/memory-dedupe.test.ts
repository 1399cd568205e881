import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { createBroker, defineQueue, QueueError } from "../src/index.js";
import { memoryDedupe, memoryDriver } from "../src/memory.js";

const tasks = defineQueue({ name: "tasks", payload: z.object({ n: z.number() }), retryDelaysMs: [] });

function fakeTime() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

test("remembers a key for ttlMs after the last call of remember", async () => {
  fakeTime();
  const dedupe = memoryDedupe({ ttlMs: 1_000 });
  expect(await dedupe.seen("a")).toBe(false);
  await dedupe.remember("a");
  vi.advanceTimersByTime(999);
  expect(await dedupe.seen("a")).toBe(true);
  await dedupe.remember("a");
  vi.advanceTimersByTime(999);
  expect(await dedupe.seen("a")).toBe(true);
  vi.advanceTimersByTime(1);
  expect(await dedupe.seen("a")).toBe(false);
});

test("remembers the latest keys up to max", async () => {
  const dedupe = memoryDedupe({ max: 2 });
  for (const key of ["a", "b", "a", "c"]) await dedupe.remember(key);
  const seen = await Promise.all(["a", "b", "c"].map((key) => dedupe.seen(key)));
  expect(seen).toEqual([true, false, true]);
});

test("a store that does not respond delays a message for five seconds and is reported", async () => {
  fakeTime();
  const errors: unknown[] = [];
  const broker = createBroker({ driver: memoryDriver(), onError: (error) => errors.push(error) });
  const handled: number[] = [];
  const silent = { seen: () => new Promise<never>(() => {}), remember: () => new Promise<never>(() => {}) };
  await broker.consume(tasks, async ({ payload }) => void handled.push(payload.n), { dedupe: silent });
  await broker.publish(tasks, { n: 1 }, { id: "m" });
  await vi.advanceTimersByTimeAsync(4_999);
  expect(handled).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(handled).toEqual([1]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await broker.stats(tasks)).toMatchObject({ ready: 0, unacked: 0, dead: 0 });
  expect(errors).toHaveLength(2);
  for (const error of errors) expect(QueueError.is(error, "TIMEOUT") && error.messageId).toBe("m");
});

test.each([{ max: 0 }, { max: 1.5 }, { ttlMs: 0 }, { ttlMs: Number.POSITIVE_INFINITY }])(
  "rejects %j with INVALID_ARGUMENT",
  (options) => {
    expect(() => memoryDedupe(options)).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  },
);
