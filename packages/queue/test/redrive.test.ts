import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { createBroker, type Driver, deadLetter, defineQueue } from "../src/index.js";
import { latch, PATIENCE } from "../src/lib/contract/fixture.js";
import { memoryDriver } from "../src/memory.js";

const tasks = defineQueue({ name: "tasks", payload: z.number(), retryDelaysMs: [] });

test.each([
  { perSecond: undefined, limit: 250, underWay: 100 },
  { perSecond: 100_000, limit: 250, underWay: 100 },
  { perSecond: 40, limit: 45, underWay: 40 },
])(
  "with perSecond $perSecond, redrive has $underWay copies under way at a time",
  async ({ perSecond, limit, underWay }) => {
    const { opened, open: confirm } = latch();
    let copying = 0;
    let holding = false;
    const memory = memoryDriver() as Driver & ReturnType<typeof memoryDriver>;
    /** The memory driver, but for confirms that keep one waiting. */
    const slow: Driver = {
      name: "slow",
      open(report, tell) {
        const session = memory.open(report, tell);
        const publish = session.publish;
        return Object.assign(session, {
          publish: async (...args: Parameters<typeof publish>) => {
            if (holding) {
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

    holding = true;
    const redriving = broker.redrive(tasks, { perSecond, limit });
    await expect.poll(() => copying, PATIENCE).toBe(underWay);
    // Whatever else was to begin has had its turns.
    await broker.health();
    expect(copying).toBe(underWay);
    confirm();
    expect(await redriving).toBe(limit);
  },
);
