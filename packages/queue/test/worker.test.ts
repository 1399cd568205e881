import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { memoryWorld, renderings, type World } from "./worker-world.js";

let world: World;

beforeEach(() => {
  vi.useFakeTimers();
  world = memoryWorld();
});

afterEach(async () => {
  await world.end();
  vi.useRealTimers();
});

test("a worker runs a job, stores its outcome, and acknowledges the message", async () => {
  const { start, request, until, status, broker } = world;
  const worker = start();
  await request("a");
  await until(() => worker.runs.length === 1);
  expect(worker.run.job).toMatchObject({ id: "a", status: "rendering", data: { title: "a" } });
  expect(worker.run.context).toMatchObject({ attempt: 1, lastAttempt: false, message: { payload: { jobId: "a" } } });
  worker.run.finish({ to: "done", result: { url: "/a" } });
  await until(async () => (await status("a")) === "done");
  expect(worker.eventTypes()).toEqual(["done"]);
  expect(await broker.stats(renderings)).toMatchObject({ ready: 0, unacked: 0, delayed: 0, dead: 0 });
});
