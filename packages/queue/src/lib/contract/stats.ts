import { expect, test } from "vitest";
import { deadLetter, retry } from "../verdict.js";
import { latch, type OpenDriver, PATIENCE, recorder, setUp, type TaskQueue } from "./fixture.js";

export function statsContract(open: OpenDriver): void {
  test("a queue that was never used counts nothing", async () => {
    const { broker, tasks } = await setUp(open);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0, consumers: 0 });
    expect((await broker.stats(tasks)).unacked ?? 0).toBe(0);
  });

  test("stats tell where messages stand", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [60_000] });
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<TaskQueue>(async ({ payload }) => {
      if (payload.n === 1) return retry();
      if (payload.n === 2) return deadLetter("told so");
      await opened;
      return undefined;
    });
    await broker.consume(tasks, handler);
    await broker.publishMany(
      tasks,
      [1, 2, 3, 4, 5].map((n) => ({ payload: { n } })),
    );
    await expect.poll(() => messages.length, PATIENCE).toBe(3);
    await expect
      .poll(() => broker.stats(tasks), PATIENCE)
      .toMatchObject({ ready: 2, delayed: 1, dead: 1, consumers: 1 });
    expect((await broker.stats(tasks)).unacked ?? 1).toBe(1);
    release();
  });

  test("purge removes what is ready or waits, and tells how many; dead letters stay", async () => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs: [60_000] });
    const consumer = await broker.consume(tasks, async ({ payload }) => (payload.n === 1 ? retry() : deadLetter("x")));
    await broker.publishMany(tasks, [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ delayed: 1, dead: 1 });
    await consumer.close();
    await broker.publishMany(tasks, [{ payload: { n: 3 } }, { payload: { n: 4 } }]);
    expect(await broker.purge(tasks)).toBe(3);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
    expect(await broker.purge(tasks)).toBe(0);
  });

  test("a queue can be used again after a purge", async () => {
    const { broker, tasks } = await setUp(open);
    const { messages, handler } = recorder<TaskQueue>();
    await broker.publish(tasks, { n: 1 });
    await broker.purge(tasks);
    await broker.publish(tasks, { n: 2 });
    await broker.consume(tasks, handler);
    await expect.poll(() => messages.map(({ payload }) => payload.n), PATIENCE).toEqual([2]);
  });

  test("health of a broker that works", async () => {
    const { broker, driver, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 });
    const health = await broker.health();
    expect(health).toMatchObject({
      status: "healthy",
      driver: driver.name,
      blocked: false,
      pendingConfirms: 0,
      reconnects: 0,
    });
    expect(health.latencyMs).toBeGreaterThanOrEqual(0);
    expect(health).not.toHaveProperty("error");
    for (const timeoutMs of [undefined, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40])
      expect(await broker.health({ timeoutMs })).toMatchObject({ status: "healthy" });
  });
}
