import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { workerOf } from "../src/lib/contract/workers.js";
import { memoryDriver } from "../src/memory.js";

const DAY = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a queue is forgotten 30 days after its last worker was alive", async () => {
  const store = createJobStore({ job: report, driver: memoryDriver(), ttlSeconds: { waiting: 0 } });
  onTestFinished(() => store.close());
  await store.create({ title: "One" }, { id: "a" });
  const worker = workerOf();
  const unattended = async () => (await store.health()).warnings.filter((text) => text.includes("no live worker"));
  await store.announceWorker(worker, [], DAY);
  vi.setSystemTime(Date.now() + DAY / 2);
  await store.announceWorker(worker, [], DAY);
  vi.setSystemTime(Date.now() + 30 * DAY);
  expect(await unattended()).toHaveLength(1);
  vi.setSystemTime(Date.now() + 1);
  expect(await unattended()).toEqual([]);
});
