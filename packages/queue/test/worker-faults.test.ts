import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { defineQueue } from "../src/index.js";
import type { Envelope } from "../src/lib/driver.js";
import { namedJob } from "../src/lib/worker/request.js";
import { TimeLimits } from "../src/lib/worker/time-limits.js";
import { RetryLater } from "../src/worker.js";
import { films, memoryWorld, renderings, type World } from "./worker-suite/world.js";

const DONE = { to: "done", result: { url: "/a" } } as const;

describe("in a world with faults", () => {
  let world: World;
  beforeEach(() => {
    vi.useFakeTimers();
    world = memoryWorld();
  });
  afterEach(async () => {
    await world.end();
    vi.useRealTimers();
  });

  test("the message of a lost job is published again although its run ignores its time limit", async () => {
    const worker = await world.startRunning({ timeoutMs: 10_500 });
    const other = world.start();
    // The run counts as failed at 15.5 s. The heartbeat at 15 s does not see the change.
    await world.pass(15_200);
    await world.store.updateStatus("a", "pending");
    await world.until(() => other.runs.length === 1, 2_000);
    expect(worker.eventTypes()).toEqual(["stuck", "lost"]);
    other.run.finish(DONE);
    await world.until(async () => (await world.status("a")) === "done");
    worker.run.finish(DONE);
  });

  test("a message that cannot be published again after a restart of the store is reported", async () => {
    const worker = await world.startRunning();
    worker.run.finish(DONE);
    await world.until(async () => (await world.messages()) === 0 && (await world.status("a")) === "done");
    worker.worker.pause();
    world.brokerFaults.goAway();
    world.restartStore();
    await world.until(() => worker.eventTypes().includes("error"), 10_000);
    const event = worker.events.find(({ type }) => type === "error");
    expect(event).toMatchObject({ messageId: expect.any(String), error: { code: "UNAVAILABLE" } });
    world.brokerFaults.comeBack();
  });

  test("a job whose record this worker cannot read is reported as failed, because it did fail", async () => {
    const payload = z.object({ jobId: z.string(), format: z.string() });
    const queue = defineQueue({ ...renderings, payload }) as never;
    const data = z.object({ title: z.string(), pages: z.number() }) as never;
    const worker = world.start({ queue, store: world.open({ job: { ...films, data } }) });
    await world.request("a");
    await world.until(() => worker.eventTypes().includes("failed"));
    expect(await world.status("a")).toBe("failed");
  });
});

test("a run that waited for the store times out in its time, also if another run ends later", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const limits = new TimeLimits();
  const ended: string[] = [];
  const startRun = (name: string) => {
    const run = { endsAt: performance.now() + 60_000, timeOut: () => void ended.push(name) };
    limits.add(run);
    return run;
  };
  const first = startRun("first");
  await vi.advanceTimersByTimeAsync(50_000);
  first.endsAt = Number.POSITIVE_INFINITY;
  await vi.advanceTimersByTimeAsync(5_000);
  startRun("second");
  await vi.advanceTimersByTimeAsync(15_000);
  first.endsAt = performance.now() + 10_000;
  limits.continued(first);
  await vi.advanceTimersByTimeAsync(10_001);
  expect(ended).toEqual(["first"]);
  await vi.advanceTimersByTimeAsync(35_000);
  expect(ended).toEqual(["first", "second"]);
});

test("a message with a byte order mark names its job, also if its payload cannot be read", () => {
  const envelope = { body: '\uFEFF{"jobId":"a"}', version: 1, errors: [], headers: {} } as unknown as Envelope;
  const queue = defineQueue({ name: "q", payload: z.object({ other: z.string() }) });
  expect(namedJob({ queue, jobId: () => undefined }, envelope)).toBe("a");
});

test.each([
  ["no time", undefined],
  ["null", null],
  ["a time that is null", { at: null }],
  ["a time that is a text", { at: "2026-12-01" }],
  ["a delay that is a text", { afterMs: "1000" }],
  ["a delay that is null", { afterMs: null }],
])("RetryLater refuses %s", (_, when) => {
  expect(() => new RetryLater("later", when as never)).toThrowError(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining("`afterMs`") }),
  );
});
