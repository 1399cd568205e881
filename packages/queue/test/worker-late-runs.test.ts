import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { memoryWorld, type World } from "./worker-suite/world.js";

let world: World;
beforeEach(() => {
  vi.useFakeTimers();
  world = memoryWorld();
});
afterEach(async () => {
  await world.end();
  vi.useRealTimers();
});

test("a run that ignores its time limit stores nothing afterwards, and is reported each minute until it settles", async () => {
  const worker = await world.startRunning({ timeoutMs: 10_000 });
  const { run } = worker;
  await world.until(() => worker.eventTypes().includes("retrying"), 16_000);
  const stored = await world.store.get("a");
  run.context.progress({ percent: 90 });
  await expect(run.context.checkpoint({ percent: 90 })).rejects.toMatchObject({ code: "TIMEOUT" });
  await world.pass(3 * 60_000);
  expect(worker.eventTypes()).toEqual(["stuck", "retrying", ...Array(3).fill("stuck")]);
  run.finish({ to: "done", result: { url: "/late" } });
  await world.until(() => worker.runs.length === 2);
  await world.pass(1_000);
  const { version, progress } = (await world.store.get("a")) ?? {};
  expect([version, progress]).toEqual([(stored?.version ?? 0) + 1, null]);
  worker.run.finish({ to: "waiting" });
  await world.pass(2 * 60_000);
  expect(worker.eventTypes().filter((type) => type === "stuck")).toHaveLength(4);
});

test("close settles in its time although a run ignores its signal", async () => {
  const worker = await world.startRunning({ timeoutMs: 1_000 });
  await world.until(() => worker.eventTypes().includes("stuck"), 7_000);
  let closed = false;
  const closing = worker.worker.close({ graceMs: 2_000 }).then(() => {
    closed = true;
  });
  await world.until(() => closed, 6_000);
  await closing;
  worker.run.finish({ to: "done", result: { url: "/late" } });
  await world.pass(1_000);
  expect(await world.status("a")).toBe("rendering");
});
