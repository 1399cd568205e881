import { runInNewContext } from "node:vm";
import { expect } from "vitest";
import { RetryLater } from "../../src/worker.js";
import { type Case, HEARTBEAT_MS, LEASE_MS } from "./world.js";

export function thrownValues(test: Case): void {
  test("a JobFailed of another copy and a RetryLater of another realm end the run as their own do", async (world) => {
    const copy = Object.assign(new Error("No such film."), { code: "NO_FILM", retryable: true });
    Object.defineProperty(copy, Symbol.for("@subtitles/queue/job-failed"), { value: true });
    const foreign: unknown = runInNewContext(
      `const later = new Error("Later.");
       later.at = new Date(${Date.now() + 5_000});
       Object.defineProperty(later, Symbol.for("@subtitles/queue/retry-later"), { value: true });
       later`,
    );
    const worker = await world.startRunning();
    worker.run.fail(foreign);
    await world.until(() => worker.runs.length === 2, 7_000);
    expect(worker.run.context.attempt).toBe(1);
    worker.run.fail(copy);
    await world.settled();
    expect(worker.eventTypes()).toEqual(["postponed", "failed"]);
    expect(await world.store.get("a")).toMatchObject({ error: { code: "NO_FILM", retryable: true } });
  });

  test("an error that looks like RetryLater, without a usable time, is a failed attempt", async (world) => {
    const copy = Object.assign(new Error("Later."), { at: "tomorrow" });
    Object.defineProperty(copy, Symbol.for("@subtitles/queue/retry-later"), { value: true });
    expect(RetryLater.is(copy)).toBe(true);
    const worker = await world.startRunning();
    worker.run.fail(copy);
    await world.settled();
    expect(worker.eventTypes()).toEqual(["retrying"]);
  });

  for (const [name, end] of [
    ["cancelled", "cancelled"],
    ["moved back to `from`", "pending"],
  ] as const) {
    test(`a run that rejects long after its job was ${name} stores nothing, and its slot is free again`, async (world) => {
      const worker = await world.startRunning();
      const { run } = worker;
      await world.store.updateStatus("a", end, { by: "user" });
      await world.until(() => run.context.signal.aborted, HEARTBEAT_MS);
      await world.pass(LEASE_MS);
      await world.store.delete("a");
      run.fail(undefined);
      await world.request("b");
      await world.until(() => worker.runs.at(-1)?.job.id === "b");
      expect(await world.store.get("a")).toBeNull();
      expect(worker.eventTypes()).not.toContain("retrying");
    });
  }
}
