import { describe, expect, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { server } from "../../../test/servers/require.js";
import { openSetting, startRunning } from "./worker-servers/setting.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("processes that are killed"), () => {
  test("during work: the redelivery is skipped, and the job continues when its lease ends, without an attempt", async () => {
    const setting = await openSetting(url);
    const first = await startRunning(setting, { heartbeatMs: 1_000 });
    await first.run.checkpoint(40);
    const second = await setting.start();
    const claimed = await setting.store.get("a");
    await first.kill();
    await vi.waitUntil(() => second.events.length > 0, PATIENCE);
    expect(second.events).toMatchObject([{ type: "skipped", reason: "leased", jobId: "a" }]);
    await vi.waitUntil(() => second.runs.length === 1, PATIENCE);
    expect(second.run).toMatchObject({ attempt: 1, percent: 40, messageId: first.run.messageId });
    const again = await setting.store.get("a");
    expect(again?.version).toBe(3);
    expect(Number(again?.updatedAt)).toBeGreaterThanOrEqual(Number(claimed?.leasedUntil));
    second.run.finish();
    await setting.reaches("a", "done");
    await setting.endsEmpty(second);
    expect(second.eventTypes()).toEqual(["skipped", "done"]);
  });

  test.each(["done", "waiting"] as const)(
    "between the outcome and the acknowledgement: the redelivery is skipped (outcome to %s)",
    async (to) => {
      const setting = await openSetting(url);
      const first = await startRunning(setting, { proxied: ["rabbitmq"] });
      const second = await setting.start();
      first.proxies.rabbitmq?.freeze();
      first.run.finish(to);
      await setting.reaches("a", to);
      await first.kill();
      first.proxies.rabbitmq?.cut();
      await vi.waitUntil(() => second.events.length > 0, PATIENCE);
      expect(second.events).toMatchObject([{ type: "skipped", reason: "handled", jobId: "a" }]);
      await setting.endsEmpty(second);
      expect(second.runs).toHaveLength(0);
    },
  );

  test("between a failed attempt and the acknowledgement: the redelivery is skipped, and the retry comes once", async () => {
    const setting = await openSetting(url);
    const first = await startRunning(setting, { proxied: ["rabbitmq"] });
    const second = await setting.start();
    first.proxies.rabbitmq?.freeze();
    first.run.fail();
    await vi.waitFor(async () => expect((await setting.store.get("a"))?.version).toBe(3), PATIENCE);
    const failed = await setting.store.get("a");
    await first.kill();
    first.proxies.rabbitmq?.cut();
    await vi.waitUntil(() => second.runs.length > 0, PATIENCE);
    const retried = await setting.store.get("a");
    expect(second.run.attempt).toBe(2);
    expect(Number(retried?.updatedAt)).toBeGreaterThanOrEqual(Number(failed?.leasedUntil));
    second.run.finish();
    await setting.reaches("a", "done");
    await setting.endsEmpty(second);
    // On a slow machine, the redelivery can arrive during the retry.
    expect(second.eventTypes().toSorted()).toEqual(["done", "skipped"]);
    expect(second.runs).toHaveLength(1);
  });

  test("a job that kills its process fails after five processes, and other jobs continue", async () => {
    const setting = await openSetting(url);
    await setting.store.create(
      { title: "killer" },
      { id: "killer", outbox: [{ queue: "renderings", payload: { jobId: "killer" } }] },
    );
    const options = { heartbeatMs: 100, diesInRun: "killer", finishes: true };
    for (let death = 0; death < 5; death++) {
      await setting.request(`other-${death}`);
      const child = await setting.start(options);
      await vi.waitUntil(() => child.end !== null, PATIENCE);
      expect(child.end).toBe("SIGKILL");
    }
    const last = await setting.start(options);
    await setting.reaches("killer", "failed");
    expect(await setting.store.get("killer")).toMatchObject({ error: { code: "WORKER_LOST", retryable: true } });
    for (let death = 0; death < 5; death++) await setting.reaches(`other-${death}`, "done");
    await setting.endsEmpty(last);
  });

  test("a message that kills its process before the claim is dead-lettered by RabbitMQ, and its job fails", async () => {
    const setting = await openSetting(url, { deliveryLimit: 2 });
    await setting.request("killer");
    const options = { diesBeforeClaim: "killer", finishes: true, recoverEveryMs: 1_000 };
    for (let death = 0; death < 3; death++) {
      const child = await setting.start(options);
      await vi.waitUntil(() => child.end !== null, PATIENCE);
    }
    const last = await setting.start({ ...options, diesBeforeClaim: "nothing" });
    await setting.request("other");
    await setting.reaches("other", "done");
    await setting.reaches("killer", "failed");
    expect(await setting.store.get("killer")).toMatchObject({ error: { code: "DEAD_LETTERED", retryable: true } });
    await setting.endsEmpty(last);
    expect(last.runs.map(({ jobId }) => jobId)).toEqual(["other"]);
  });
});
