import { expect } from "vitest";
import { RetryLater } from "../../src/worker.js";
import { type Case, LEASE_MS, renderings } from "./world.js";

export function requests(test: Case): void {
  test("a late copy after RetryLater is skipped", async (world) => {
    const worker = await world.startRunning({ concurrency: 2 });
    const { id, origin } = worker.run.context.message;
    worker.run.fail(new RetryLater("The provider is closed.", { afterMs: 60_000 }));
    await world.settled();
    await world.broker.publish(renderings, { jobId: "a" }, { id, origin });
    await world.settled();
    expect(worker.runs).toHaveLength(1);
    await world.until(() => worker.runs.length === 2, 62_000);
    expect(worker.run.context).toMatchObject({ attempt: 1 });
  });

  test("a late copy after an outcome that leads back to `from` is skipped", async (world) => {
    const worker = await world.startRunning({ concurrency: 2 });
    const { id, origin } = worker.run.context.message;
    worker.run.finish({ to: "waiting" });
    await world.settled();
    await world.broker.publish(renderings, { jobId: "a" }, { id, origin });
    await world.settled();
    await world.pass(LEASE_MS);
    expect(worker.runs).toHaveLength(1);
    expect(worker.events.at(-1)).toMatchObject({ type: "skipped", reason: "handled" });
  });

  test("a direct message during a run causes one more run, if the outcome leads back to `from`", async (world) => {
    const worker = await world.startRunning({ concurrency: 2 });
    for (let copy = 0; copy < 10; copy++) await world.publish("a", `direct ${copy}`);
    await world.until(() => worker.eventTypes().length === 10);
    worker.run.finish({ to: "waiting" });
    await world.until(() => worker.runs.length === 2);
    worker.run.finish({ to: "waiting" });
    await world.settled();
    await world.pass(LEASE_MS);
    expect(worker.runs).toHaveLength(2);
  });

  test("a direct message during a run causes nothing, if the outcome is final", async (world) => {
    const worker = await world.startRunning({ concurrency: 2 });
    await world.publish("a");
    await world.until(() => worker.eventTypes().includes("skipped"));
    worker.run.finish({ to: "done" });
    await world.settled();
    await world.pass(LEASE_MS);
    expect(worker.runs).toHaveLength(1);
  });
}
