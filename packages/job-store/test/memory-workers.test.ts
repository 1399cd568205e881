import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { claimed, createRequested, direct, dueAt } from "../src/lib/contract/requests.js";
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

test("a claim has one time, also if the clock advances during it", async () => {
  const store = createJobStore({ job: report, driver: memoryDriver() });
  onTestFinished(() => store.close());
  const [message = direct()] = await createRequested(store, "a", "reports");
  let now = Date.now();
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now++);
  onTestFinished(() => clock.mockRestore());
  const { job } = await claimed(store, "a", direct());
  await store.renewLeases([job], 0);
  const { queue, id, origin } = dueAt(message, job.statusAt.getTime() + 1);
  const result = await store.failRequest("a", "failed", {
    from: ["waiting"],
    working: "working",
    error: { code: "X", message: "x", retryable: false },
    message: { queue, id, origin },
  });
  expect(result).toMatchObject({ kind: "failed" });
});
