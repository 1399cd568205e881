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

/** Closes consumers whose handler has the only message of a queue, in this attempt of it. */
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

/** Loses consumers over the only message of a queue until the broker dead-letters it. Returns the number of lost consumers. */
async function deathsUntilDead(broker: Broker, queue: Tasks, prefix: string, proxy: TcpProxy): Promise<number> {
  let deaths = 0;
  const isDead = async () => (await broker.stats(queue)).dead === 1;
  while (deaths <= 4 && !(await isDead())) {
    const channel = await openChannel(proxy.url);
    const ended = once(channel, "close");
    let lost = false;
    void ended.then(() => {
      lost = true;
    });
    await channel.consume(`${prefix}tasks`, () => {
      deaths++;
      proxy.cut();
    });
    // After the last death there is no delivery, and so no other death.
    const buried = async () => {
      while (!lost && !(await isDead())) await pause(20);
    };
    await Promise.race([ended, buried()]);
  }
  return deaths;
}

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("the delivery limit"), () => {
  test.each([1, 2, 5])(
    "of %i: closing consumers dead-letter no message, neither one that a handler has nor one that was only prefetched",
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
      const arrived = numbers.map((n) => ({ id: `m${n}`, n, k: `v${n}`, attempt: 1, redelivered: true }));
      expect(seen).toEqual(expect.arrayContaining(arrived));
      expect(await here.stats(limited)).toMatchObject({ dead: 0 });
    },
  );

  test("of 3: a message over which consumers die is dead-lettered after three returns, also if consumers closed before", async () => {
    const proxy = await proxyTo(url);
    const { prefix, broker } = onServer(url);
    const here = broker();
    const limited = defineQueue({ ...tasks, deliveryLimit: 3 });
    await here.publish(limited, { n: 1 }, { id: "poison" });
    await closeHandling(here, limited, 5);
    const deaths = await deathsUntilDead(here, limited, prefix, proxy);
    // Half of the limit at most is used by closing consumers.
    expect(deaths).toBeGreaterThanOrEqual(2);
    expect(deaths).toBeLessThanOrEqual(4);
    await expect
      .poll(() => here.deadLetters(limited), PATIENCE)
      .toMatchObject([{ id: "poison", reason: expect.stringContaining("delivery_limit") }]);
  });

  test("dead-letters a retried message for its own reason, also if a closing consumer published a copy of it", async () => {
    const proxy = await proxyTo(url);
    const { prefix, broker } = onServer(url);
    const here = broker();
    const limited = defineQueue({ ...tasks, deliveryLimit: 2 });
    await here.publish(limited, { n: 1 }, { id: "poison" });
    await closeHandling(here, limited, 3, 2);
    await deathsUntilDead(here, limited, prefix, proxy);
    await expect
      .poll(() => here.deadLetters(limited), PATIENCE)
      .toMatchObject([{ id: "poison", attempts: 2, reason: expect.stringContaining("delivery_limit") }]);
  });

  test("is part of the queue's declaration", async () => {
    const { broker } = onServer(url);
    const here = broker();
    await here.publish(tasks, { n: 1 });
    const error: unknown = await here.stats({ ...tasks, deliveryLimit: 7 }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "TOPOLOGY_MISMATCH" });
    expect(String(error)).toMatch(/x-delivery-limit is '20', and '7'/);
  });
});
