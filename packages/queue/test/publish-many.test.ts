import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { createBroker, type Driver, defineQueue } from "../src/index.js";
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
