import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { memoryDriver } from "../src/memory.js";

const MINUTE = 60_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("NO_RELAY: a message has waited for more than a minute, also if a relay has claimed it", async () => {
  const store = createJobStore({ job: report, driver: memoryDriver() });
  onTestFinished(() => store.close());
  const { job } = await store.create({ title: "One" }, { id: "a", outbox: [{ queue: "reports", payload: 1 }] });
  const codes = async () => (await store.explain("a"))?.map(({ code }) => code);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(await codes()).toEqual(["NO_WORKER"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await codes()).toEqual(["NO_RELAY", "NO_WORKER"]);
  expect((await store.explain("a"))?.[0]?.text).toBe(
    `The message for the queue "reports" has waited in the outbox since ${job.createdAt.toISOString()}, and no relay has claimed it.`,
  );
  await store.outbox.read();
  expect((await store.explain("a"))?.[0]?.text).toContain("and the relay that has claimed it has not published it.");
});
