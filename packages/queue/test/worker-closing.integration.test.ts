import { describe, expect, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { server } from "../../../test/servers/require.js";
import { openSetting, startRunning } from "./worker-servers/setting.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";
/** Longest time that `close` may take after its grace period, and time for a busy machine. */
const CLOSE_MS = 4_000 + 15_000;

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("processes that are asked to end (SIGTERM)"), () => {
  test("within the grace period, the work ends and its outcome is stored", async () => {
    const setting = await openSetting(url);
    const first = await startRunning(setting, { graceMs: 60_000 });
    const second = await setting.start();
    first.signal("SIGTERM");
    await vi.waitUntil(async () => (await first.state()) === "closed", PATIENCE);
    await setting.request("b");
    await vi.waitUntil(() => second.runs.length === 1, PATIENCE);
    second.run.finish();
    first.run.finish();
    await vi.waitUntil(() => first.end !== null, PATIENCE);
    expect(first).toMatchObject({ end: 0, run: { abortedWith: null } });
    await setting.reaches("a", "done");
    await setting.reaches("b", "done");
    await setting.endsEmpty(second);
    expect([...first.eventTypes(), ...second.eventTypes()]).toEqual(["done", "done"]);
  });

  test("while Redis is paused, the process ends in time, and the job continues later", async () => {
    const setting = await openSetting(url);
    const first = await startRunning(setting, { graceMs: 500, heartbeatMs: 500 });
    await setting.redis.kill("SIGSTOP");
    first.run.finish();
    first.signal("SIGTERM");
    await vi.waitUntil(() => first.end !== null, PATIENCE);
    expect(first.end).toBe(0);
    expect(first.closedAfterMs).toBeLessThan(500 + CLOSE_MS);
    await setting.redis.kill("SIGCONT");
    const second = await setting.start({ finishes: true });
    await setting.reaches("a", "done");
    await setting.endsEmpty(second);
  });

  test("past the grace period, any number of times: the next worker starts at once, no attempt is used, and no message is dead-lettered", async () => {
    const deliveryLimit = 2;
    const restarts = 7;
    const setting = await openSetting(url, { deliveryLimit });
    const ids = ["a", ...Array.from({ length: 10 }, (_, n) => `ahead-${n}`)];
    for (const id of ids) await setting.request(id);
    for (let restart = 0; restart < restarts; restart++) {
      const child = await setting.start({ graceMs: 0, prefetch: ids.length });
      await vi.waitUntil(() => child.runs.length === 1, PATIENCE);
      const { jobId } = child.run;
      const running = await setting.store.get(jobId);
      child.signal("SIGTERM");
      await vi.waitUntil(() => child.end !== null, PATIENCE);
      expect(child).toMatchObject({ end: 0, run: { abortedWith: "CLOSED", attempt: 1 } });
      expect(child.closedAfterMs).toBeLessThan(CLOSE_MS);
      const released = await setting.store.get(jobId);
      expect(released).toMatchObject({ status: "rendering", version: running?.version, leasedUntil: null });
    }
    const last = await setting.start({ finishes: true, concurrency: 4 });
    for (const id of ids) await setting.reaches(id, "done");
    await setting.endsEmpty(last);
    expect(last.runs.map(({ attempt }) => attempt)).toEqual(ids.map(() => 1));
    expect(new Set(last.runs.map(({ jobId }) => jobId)).size).toBe(ids.length);
  });
});
