import type { Job } from "@subtitles/job-store";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Films, films, memoryWorld, type WorkerProcess, type World } from "./worker-suite/world.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DONE = { to: "done", result: { url: "/a" } } as const;
const { rendering } = films.statuses;
const timed = { ...films, statuses: { ...films.statuses, rendering: { ...rendering, timeoutSeconds: 5 } } };

type Act = (world: World, worker: WorkerProcess) => unknown;

/** Lets the lease of a blocked worker end, so that its job times out. Makes the worker or a user act at a time after the start. */
async function run(act: Act, atMs: number | null) {
  const world = memoryWorld();
  const startedAt = Date.now();
  world.open({ job: timed });
  const worker = await world.startRunning();
  worker.worker.pause();
  worker.block();
  await world.stopRelay();
  if (atMs !== null) {
    await world.pass(startedAt + atMs - Date.now());
    act(world, worker);
  }
  await world.pass(40_000);
  worker.wake();
  worker.run.finish(DONE);
  await world.pass(10_000);
  const job = (await world.store.get("a")) as Job<Films>;
  // A run of a lost job that does not settle is reported, too.
  const events = worker.eventTypes().filter((type) => type !== "stuck");
  await world.end();
  return { job, events, endedAtMs: Number(job.statusAt) - startedAt };
}

test.each<readonly [string, Act]>([
  [
    "the outcome of its worker",
    (_, worker) => {
      worker.run.finish(DONE);
      worker.wake();
    },
  ],
  [
    "progress of its worker",
    (_, worker) => {
      worker.run.context.progress({ percent: 50 });
      worker.wake();
    },
  ],
  ["a cancel", (world) => world.store.updateStatus("a", "cancelled", { by: "user" }).catch(() => {})],
])("a timeout and %s in the same millisecond move a job once", async (_, act) => {
  const { endedAtMs, job: timedOut } = await run(act, null);
  expect(timedOut).toMatchObject({ status: "failed", version: 3, error: { code: "TIMEOUT" } });
  const ends = new Set<string>();
  for (const offsetMs of [-1, 0, 1]) {
    const { job, events } = await run(act, endedAtMs + offsetMs);
    expect(job.version).toBe(3);
    expect(job.history.map(({ to }) => to)).toEqual(["pending", "rendering", job.status]);
    expect(events).toEqual(job.status === "done" ? ["done"] : ["lost"]);
    ends.add(job.status);
  }
  // If one comes after the other, the first one counts.
  expect(ends.size).toBe(2);
  expect(ends).toContain("failed");
});
