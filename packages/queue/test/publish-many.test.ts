import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { createBroker, createRelay, type Driver, defineQueue } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";

const tasks = defineQueue({ name: "tasks", payload: z.number(), retryDelaysMs: [] });

test("publishMany of 10,000 messages has at most 1,000 in flight", async () => {
  const memory = memoryDriver() as Driver & ReturnType<typeof memoryDriver>;
  let inFlight = 0;
  let max = 0;
  /** Memory driver whose confirms take one event-loop tick. */
  const slow: Driver = {
    name: "slow",
    open(...listeners) {
      const session = memory.open(...listeners);
      const publish = session.publish;
      return Object.assign(session, {
        publish: async (...args: Parameters<typeof publish>) => {
          max = Math.max(max, ++inFlight);
          await new Promise(setImmediate);
          inFlight--;
          return publish(...args);
        },
      });
    },
  };
  const broker = createBroker({ driver: slow });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  const results = await broker.publishMany(
    tasks,
    Array.from({ length: 10_000 }, (_, n) => ({ payload: n })),
  );
  expect(results.every(({ status }) => status === "fulfilled")).toBe(true);
  expect(max).toBe(1_000);
});

test("publishMany gives each message that it does not send the same reason", async () => {
  const driver = memoryDriver({ timeoutMs: 10 });
  const broker = createBroker({ driver });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  driver.faults.goAway();
  const results = await broker.publishMany(
    tasks,
    Array.from({ length: 3_000 }, (_, n) => ({ payload: n })),
  );
  const reasons = new Set(results.map((result) => result.status === "rejected" && result.reason.message));
  const notSent = [...reasons].filter((text) => String(text).startsWith("Not sent"));
  expect(notSent).toHaveLength(1);
  expect(String(notSent).match(/Not sent/g)).toHaveLength(1);
});

test("a relay does not read without a pause if its outbox cannot reject entries", async () => {
  // The pause of the relay does not end.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const broker = createBroker({ driver: memoryDriver() });
  let reads = 0;
  const outbox = {
    read: async () => {
      reads++;
      await new Promise(setImmediate);
      return [{ entryId: "1", id: "m", queue: "unknown", payload: 1, headers: {} }];
    },
    ack: async () => {},
  };
  const relay = createRelay({ outbox, broker, queues: [tasks], onError: () => {} });
  for (let ticks = 0; ticks < 50; ticks++) await new Promise(setImmediate);
  expect(reads).toBe(1);
  await relay.close();
  await broker.close();
});

test("an entry that cannot be published does not slow down the others, also without `reject`", async () => {
  vi.spyOn(Math, "random").mockReturnValue(1);
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  const broker = createBroker({ driver: memoryDriver() });
  let next = 0;
  const outbox = {
    read: async () => [
      { entryId: "bad", id: "bad", queue: "unknown", payload: 1, headers: {} },
      { entryId: `${++next}`, id: `${next}`, queue: "tasks", payload: next, headers: {} },
    ],
    ack: async () => {},
  };
  const relay = createRelay({ outbox, broker, queues: [tasks], onError: () => {} });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(relay.published).toBeGreaterThan(20);
  const closing = relay.close();
  await vi.advanceTimersByTimeAsync(20_000);
  await closing;
  await broker.close({ graceMs: 0 });
});

test.each(["onError", "onEvent"])(
  "createBroker refuses an `%s` that is no function, which would lose all of them",
  (name) => {
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) });
    expect(() => createBroker({ driver: memoryDriver(), [name]: console as never })).toThrowError(refused);
  },
);
