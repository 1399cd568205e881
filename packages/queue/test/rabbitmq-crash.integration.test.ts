import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { PrivateServer } from "../../../test/servers/private-server.js";
import { startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { privateServer } from "../../../test/servers/require.js";
import { defineQueue, QueueError } from "../src/index.js";
import { latch, PATIENCE, recorder } from "../src/lib/contract/fixture.js";
import { onServer, type Tasks, tasks } from "./rabbitmq-queues.js";

const rabbitmq = privateServer("rabbitmq");

/** Room for a broker to die and to start again. */
const LONG = { timeout: 40_000, interval: 20 };

describe.skipIf(!rabbitmq.available)(rabbitmq.title("a broker of one's own"), { timeout: 90_000 }, () => {
  let server: PrivateServer;
  beforeAll(async () => {
    server = await startRabbitmq({
      config: ["max_message_size = 100000", "consumer_timeout = 3000"],
      settings: { channel_tick_interval: 500 },
    });
  }, 60_000);
  afterAll(() => server?.stop());

  test("an oversized message is refused, and none of its neighbours is", async () => {
    const { broker } = onServer(server.url);
    const here = broker();
    const publishes = Array.from({ length: 60 }, (_, n) =>
      here.publish(tasks, { n, text: n === 30 || n === 40 ? "x".repeat(200_000) : "small" }),
    );
    const results = await Promise.allSettled(publishes);
    const refused = results.flatMap((result, n) => (result.status === "rejected" ? [n] : []));
    expect(refused).toEqual([30, 40]);
    expect(results[30]).toMatchObject({
      reason: { code: "INVALID_PAYLOAD", message: expect.stringContaining("100000") },
    });
    const seen = new Set<number>();
    await broker().consume(tasks, async ({ payload }) => void seen.add(payload.n), { prefetch: 100 });
    await expect.poll(() => seen.size, PATIENCE).toBe(58);
  });

  test("a message that is in hand for too long is taken back: that is reported, and its handler is not started twice", async () => {
    const { broker, reported } = onServer(server.url);
    const here = broker();
    const { opened, open: release } = latch();
    const { messages, handler } = recorder<Tasks>(() => opened.then(() => undefined));
    await here.consume(tasks, handler);
    await here.publish(tasks, { n: 1 });
    await expect
      .poll(() => reported.map(String), PATIENCE)
      .toEqual([expect.stringMatching(/acknowledgement.*timed out/)]);
    await expect.poll(() => here.stats(tasks), PATIENCE).toMatchObject({ ready: 0, consumers: 1 });
    release();
    await here.close();
    expect(messages).toHaveLength(1);
    expect(await broker().stats(tasks)).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test.each(["quorum", "classic"] as const)(
    "kill -9 in the middle of publishing and consuming a %s queue: nothing confirmed is lost, and both resume",
    async (type) => {
      const queue = defineQueue({ ...tasks, type, retryDelaysMs: [50] });
      const { broker } = onServer(server.url);
      const here = broker({ timeoutMs: 40_000, maxPendingConfirms: 100 });
      const untouched = defineQueue({ ...queue, name: "untouched" });
      await here.publishMany(untouched, Array(20).fill({ payload: { n: 0 } }));
      const seen = new Set<number>();
      await here.consume(queue, async ({ payload }) => void seen.add(payload.n), { concurrency: 20 });
      const confirmed: number[] = [];
      const publishUntil = async (enough: () => boolean) => {
        for (let n = confirmed.length; !enough(); n++) {
          await Promise.all(
            [0, 1, 2, 3].map(async (part) => {
              await here.publish(queue, { n: n * 4 + part });
              confirmed.push(n * 4 + part);
            }),
          );
        }
      };
      let back = false;
      const publishing = publishUntil(() => back && confirmed.length > 800);
      await expect.poll(() => Math.min(confirmed.length, seen.size), LONG).toBeGreaterThan(200);
      await server.kill();
      await server.restart();
      const restartedAt = performance.now();
      const before = confirmed.length;
      await expect.poll(() => confirmed.length, LONG).toBeGreaterThan(before);
      const resumedMs = performance.now() - restartedAt;
      back = true;
      await publishing;
      await expect.poll(() => confirmed.filter((n) => !seen.has(n)), LONG).toEqual([]);
      expect(resumedMs).toBeLessThan(5_000);
      expect(await here.stats(untouched)).toMatchObject({ ready: 20 });
    },
  );

  test("a frozen broker: calls end in their time, close settles, and the health tells", async () => {
    const { broker } = onServer(server.url);
    const here = broker({ timeoutMs: 1_000 });
    await here.consume(tasks, async () => {});
    await here.publish(tasks, { n: 1 });
    await server.kill("SIGSTOP");
    try {
      await expect(here.publish(tasks, { n: 2 })).rejects.toMatchObject({ code: "TIMEOUT", indeterminate: true });
      const questions = [here.stats(tasks), here.deadLetters(tasks), here.redrive(tasks), here.purge(tasks)];
      for (const asked of await Promise.allSettled(questions))
        expect(asked).toMatchObject({ reason: { code: "TIMEOUT" } });
      expect(await here.health({ timeoutMs: 300 })).toMatchObject({ status: "unhealthy", pendingConfirms: 1 });
      const startedAt = performance.now();
      await here.close({ graceMs: 100 });
      expect(performance.now() - startedAt).toBeLessThan(4_100);
    } finally {
      await server.kill("SIGCONT");
    }
  });

  test("a broker that is silent for two heartbeats is given up, and taken again once it answers", async () => {
    const { broker } = onServer(server.url);
    const here = broker({ heartbeatSeconds: 1, timeoutMs: 20_000 });
    await here.publish(tasks, { n: 1 });
    await server.kill("SIGSTOP");
    const publishing = here.publish(tasks, { n: 2 });
    await expect.poll(async () => (await here.health({ timeoutMs: 50 })).error, LONG).toMatch(/heartbeat/i);
    await server.kill("SIGCONT");
    await publishing;
    expect((await here.health()).reconnects).toBe(1);
  });
});

describe.skipIf(!rabbitmq.available)(rabbitmq.title("a broker with a memory alarm"), { timeout: 90_000 }, () => {
  test("blocks publishers and no one else: TIMEOUT, a degraded health, and stats as ever", async () => {
    const server = await startRabbitmq({ config: ["vm_memory_high_watermark.absolute = 1MB"] });
    onTestFinished(() => server.stop());
    const { broker } = onServer(server.url);
    const here = broker({ timeoutMs: 1_000 });
    await here.consume(tasks, async () => {});
    const first: unknown = await here.publish(tasks, { n: 1 }).catch((error: unknown) => error);
    expect(QueueError.is(first, "TIMEOUT")).toBe(true);
    await expect.poll(() => here.health(), PATIENCE).toMatchObject({ status: "degraded", blocked: true });
    const unsent = await Promise.allSettled([1, 2, 3].map((n) => here.publish(tasks, { n })));
    for (const result of unsent) {
      expect(result).toMatchObject({
        reason: { code: "TIMEOUT", indeterminate: false, message: expect.stringContaining("alarm") },
      });
    }
    expect(await here.stats(tasks)).toMatchObject({ consumers: 1 });
    const startedAt = performance.now();
    await here.close({ graceMs: 0 });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });
});
