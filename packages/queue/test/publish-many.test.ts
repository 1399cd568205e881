import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { createBroker, type Driver, defineQueue } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";

const tasks = defineQueue({ name: "tasks", payload: z.number(), retryDelaysMs: [] });

test("publishMany of 10,000 has no more than 1,000 messages made and under way at a time", async () => {
  const memory = memoryDriver() as Driver & ReturnType<typeof memoryDriver>;
  let underWay = 0;
  let most = 0;
  /** The memory driver, but for confirms that take a turn of the event loop. */
  const slow: Driver = {
    name: "slow",
    open(report, tell) {
      const session = memory.open(report, tell);
      const publish = session.publish;
      return Object.assign(session, {
        publish: async (...args: Parameters<typeof publish>) => {
          most = Math.max(most, ++underWay);
          await new Promise(setImmediate);
          underWay--;
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
  expect(most).toBe(1_000);
});
