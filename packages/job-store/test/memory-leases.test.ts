import { expect, onTestFinished, test, vi } from "vitest";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { memoryDriver } from "../src/memory.js";

/** Opens a store whose clock the test controls. */
function setUp() {
  vi.useFakeTimers({ now: new Date("2026-01-01T00:00:00Z") });
  onTestFinished(() => void vi.useRealTimers());
  const driver = memoryDriver();
  const store = createJobStore({ job: report, driver });
  onTestFinished(() => store.close());
  return { driver, store };
}

const from = ["waiting"] as const;
const message = { queue: "reports", id: "m-1", payload: { jobId: "a" } };

test("a waiting reader receives the stored message when the lease ends", async () => {
  const { store } = setUp();
  await store.create({ title: "One" }, { id: "a" });
  const claimed = await store.claim("a", "working", { from, leaseMs: 15_000, key: "k-1", message });
  expect(claimed).toMatchObject({ kind: "claimed", failedAttempts: 0, expiredLeases: 0 });
  const start = Date.now();
  const read = store.outbox.read({ waitMs: 60_000 });
  await vi.advanceTimersByTimeAsync(14_999);
  expect((await store.get("a"))?.leasedUntil).toEqual(new Date(start + 15_000));
  await vi.advanceTimersByTimeAsync(1);
  expect(await read).toMatchObject([{ queue: "reports", id: "m-1", payload: { jobId: "a" }, at: new Date() }]);
  expect((await store.get("a"))?.leasedUntil).toBeNull();
  expect(await store.claim("a", "working", { from, leaseMs: 15_000, key: "k-2", message })).toMatchObject({
    kind: "claimed",
    expiredLeases: 1,
    job: { version: 3 },
  });
});
