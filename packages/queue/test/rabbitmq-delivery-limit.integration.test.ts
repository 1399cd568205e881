import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import type { TcpProxy } from "../../../test/servers/tcp-proxy.js";
import { type Broker, defineQueue } from "../src/index.js";
import { latch, PATIENCE } from "../src/lib/contract/fixture.js";
import { onServer, openChannel, proxyTo, type Tasks, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** Closes consumers while their handler runs with this attempt of the only message of a queue. */
async function closeHandling(broker: Broker, queue: Tasks, times: number, attempt = 1): Promise<void> {
  for (let close = 0; close < times; close++) {
    const started = latch();
    const consumer = await broker.consume(queue, async (message) => {
      if (message.attempt < attempt) throw new Error("not yet");
      started.open();
      await once(message.signal, "abort");
      throw message.signal.reason;
    });
    await started.opened;
    await consumer.close({ graceMs: 0 });
  }
}

/** Crashes consumers of the only message of a queue until the broker dead-letters it. Returns the number of crashes. */
async function crashesUntilDeadLettered(
  broker: Broker,
  queue: Tasks,
  prefix: string,
  proxy: TcpProxy,
): Promise<number> {
  let crashes = 0;
  const isDead = async () => (await broker.stats(queue)).dead === 1;
  while (crashes <= 4 && !(await isDead())) {
    const channel = await openChannel(proxy.url);
    const ended = once(channel, "close");
    let lost = false;
    void ended.then(() => {
      lost = true;
    });
    await channel.consume(`${prefix}tasks`, () => {
      crashes++;
      proxy.cut();
    });
    // After the last crash, the message is not delivered again.
    const deadLettered = async () => {
      while (!lost && !(await isDead())) await pause(20);
    };
    await Promise.race([ended, deadLettered()]);
  }
  return crashes;
}

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("the delivery limit"), () => {
  test.each([1, 2, 5])(
    "of %i: closing consumers dead-letters no message with a running handler and no prefetched one",
    async (deliveryLimit) => {
      const { broker } = onServer(url);
      const here = broker();
      const limited = defineQueue({ ...tasks, deliveryLimit });
      const numbers = [1, 2, 3, 4, 5];
      await here.publishMany(
        limited,
        numbers.map((n) => ({ payload: { n }, options: { id: `m${n}`, headers: { k: `v${n}` } } })),
      );
      for (let close = 0; close < 2 * deliveryLimit + 2; close++) {
        const started = latch();
        const consumer = await here.consume(
          limited,
          async ({ signal }) => {
            started.open();
            await once(signal, "abort");
            throw signal.reason;
          },
          { prefetch: numbers.length },
        );
        await started.opened;
        await consumer.close({ graceMs: 0 });
        await expect.poll(() => here.stats(limited), PATIENCE).toMatchObject({ ready: numbers.length, dead: 0 });
      }
      const seen: unknown[] = [];
      await here.consume(limited, async ({ id, payload, headers, attempt, redelivered }) => {
        seen.push({ id, n: payload.n, k: headers.k, attempt, redelivered });
      });
      await expect.poll(() => seen, PATIENCE).toHaveLength(numbers.length);
      const expected = numbers.map((n) => ({ id: `m${n}`, n, k: `v${n}`, attempt: 1, redelivered: true }));
      expect(seen).toEqual(expect.arrayContaining(expected));
      expect(await here.stats(limited)).toMatchObject({ dead: 0 });
    },
  );

  test("of 3: a message that crashes consumers is dead-lettered, also if consumers closed before", async () => {
    const proxy = await proxyTo(url);
    const { prefix, broker } = onServer(url);
    const here = broker();
    const limited = defineQueue({ ...tasks, deliveryLimit: 3 });
    await here.publish(limited, { n: 1 }, { id: "crashing" });
    await closeHandling(here, limited, 5);
    const crashes = await crashesUntilDeadLettered(here, limited, prefix, proxy);
    // Closing consumers use at most half of the limit.
    expect(crashes).toBeGreaterThanOrEqual(2);
    expect(crashes).toBeLessThanOrEqual(4);
    await expect
      .poll(() => here.deadLetters(limited), PATIENCE)
      .toMatchObject([{ id: "crashing", reason: expect.stringContaining("delivery_limit") }]);
  });

  test("dead-letters a retried message with the reason delivery_limit, also if a closing consumer published a copy of it", async () => {
    const proxy = await proxyTo(url);
    const { prefix, broker } = onServer(url);
    const here = broker();
    const limited = defineQueue({ ...tasks, deliveryLimit: 2 });
    await here.publish(limited, { n: 1 }, { id: "crashing" });
    await closeHandling(here, limited, 3, 2);
    await crashesUntilDeadLettered(here, limited, prefix, proxy);
    await expect
      .poll(() => here.deadLetters(limited), PATIENCE)
      .toMatchObject([{ id: "crashing", attempts: 2, reason: expect.stringContaining("delivery_limit") }]);
  });

  test("is part of the queue's declaration", async () => {
    const { broker } = onServer(url);
    const here = broker();
    await here.publish(tasks, { n: 1 });
    const error: unknown = await here.stats({ ...tasks, deliveryLimit: 7 }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "TOPOLOGY_MISMATCH" });
    expect(String(error)).toMatch(/x-delivery-limit is '20', expected '7'/);
  });
});
