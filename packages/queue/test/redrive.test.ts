import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { createBroker, type Driver, deadLetter, defineQueue } from "../src/index.js";
import { latch, PATIENCE } from "../src/lib/contract/fixture.js";
import { memoryDriver } from "../src/memory.js";

const tasks = defineQueue({ name: "tasks", payload: z.number(), retryDelaysMs: [] });

test.each([
  { perSecond: undefined, limit: 250, inFlight: 100 },
  { perSecond: 100_000, limit: 250, inFlight: 100 },
  { perSecond: 40, limit: 45, inFlight: 40 },
])(
  "with perSecond $perSecond, redrive publishes $inFlight copies at a time",
  async ({ perSecond, limit, inFlight }) => {
    const { opened, open: confirm } = latch();
    let copying = 0;
    let delayed = false;
    const memory = memoryDriver() as Driver & ReturnType<typeof memoryDriver>;
    /** Memory driver whose confirms wait for `confirm`. */
    const slow: Driver = {
      name: "slow",
      open(...listeners) {
        const session = memory.open(...listeners);
        const publish = session.publish;
        return Object.assign(session, {
          publish: async (...args: Parameters<typeof publish>) => {
            if (delayed) {
              copying++;
              await opened;
            }
            return publish(...args);
          },
        });
      },
    };
    const broker = createBroker({ driver: slow });
    onTestFinished(() => broker.close({ graceMs: 0 }));
    await broker.publishMany(
      tasks,
      Array.from({ length: 250 }, (_, n) => ({ payload: n })),
    );
    const consumer = await broker.consume(tasks, async () => deadLetter("not now"));
    await expect.poll(async () => (await broker.stats(tasks)).dead).toBe(250);
    await consumer.close();

    delayed = true;
    const redriving = broker.redrive(tasks, { perSecond, limit });
    await expect.poll(() => copying, PATIENCE).toBe(inFlight);
    // By now, any further copy would have been published.
    await broker.health();
    expect(copying).toBe(inFlight);
    confirm();
    expect(await redriving).toBe(limit);
  },
);
