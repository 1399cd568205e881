import { setImmediate } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { type Broker, defineQueue } from "../src/index.js";
import { accessOf } from "../src/lib/broker-access.js";
import { latch, PATIENCE } from "../src/lib/contract/fixture.js";
import { DeliverySource, type SourceDelivery } from "../src/lib/delivery-source.js";
import { onServer, openChannel, proxyTo, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** Opens a source that stores its deliveries. It is closed after the test. */
function openSource(broker: Broker, prefetch: number, queue = tasks) {
  const deliveries: SourceDelivery[] = [];
  const states: boolean[] = [];
  const errors: unknown[] = [];
  const source = new DeliverySource({
    session: accessOf(broker, "the test").session,
    queue,
    prefetch,
    receive: (delivery) => deliveries.push(delivery),
    onConsuming: (consuming) => states.push(consuming),
    report: (error) => errors.push(error),
  });
  onTestFinished(() => source.close());
  source.resume();
  return { source, deliveries, states, errors };
}

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("deliveries for a worker"), () => {
  test("a source waits for the broker, and continues after a lost connection with the unsettled messages", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const here = broker({ url: proxy.url, timeoutMs: 500 });
    const { availability } = accessOf(here, "the test");
    await proxy.shut();
    const { deliveries, states, errors } = openSource(here, 4);
    await expect.poll(() => errors, PATIENCE).toEqual([expect.objectContaining({ code: "UNAVAILABLE" })]);
    expect(availability.available).toBe(false);
    await proxy.open();
    await broker().publishMany(
      tasks,
      [1, 2].map((n) => ({ payload: { n }, options: { id: `m${n}`, origin: `o${n}` } })),
    );
    await expect.poll(() => deliveries.length, PATIENCE).toBe(2);
    expect([states, availability.available]).toEqual([[true], true]);

    const before = performance.now();
    await proxy.shut();
    await expect.poll(() => states, PATIENCE).toEqual([true, false]);
    await expect.poll(() => availability.available, PATIENCE).toBe(false);
    expect(deliveries.map(({ live }) => live)).toEqual([false, false]);
    deliveries[0]?.acknowledge();
    await proxy.open();
    const received = () =>
      deliveries.slice(2).map(({ envelope, redelivered }) => [envelope.id, envelope.origin, redelivered]);
    await expect.poll(received, PATIENCE).toEqual([
      ["m1", "o1", true],
      ["m2", "o2", true],
    ]);
    expect(states).toEqual([true, false, true]);
    expect([availability.available, availability.wasLostSince(before)]).toEqual([true, true]);
    for (const delivery of deliveries.slice(2)) delivery.acknowledge();
    await expect.poll(() => broker().stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: 0 });
  });

  test("returned messages use no delivery of a limit of 1, and the rest is acknowledged correctly", async () => {
    const { broker, reported } = onServer(url);
    const here = broker();
    const limited = defineQueue({ ...tasks, deliveryLimit: 1 });
    await here.publishMany(
      limited,
      [1, 2, 3].map((n) => ({ payload: { n }, options: { id: `m${n}`, origin: "o" } })),
    );
    for (let round = 0; round < 4; round++) {
      const { source, deliveries, errors } = openSource(here, 3, limited);
      await expect.poll(() => deliveries.length, PATIENCE).toBe(3);
      await source.close();
      await expect.poll(() => here.stats(limited), PATIENCE).toMatchObject({ ready: 3, dead: 0 });
      expect(errors).toEqual([]);
    }
    // The copy of the first one is not stored yet when the others are acknowledged.
    const { source, deliveries, errors } = openSource(here, 3, limited);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(3);
    const [first, ...others] = deliveries;
    first?.giveBack();
    for (const delivery of others) delivery.acknowledge();
    await expect.poll(() => deliveries.length, PATIENCE).toBe(4);
    expect(deliveries[3]?.envelope).toMatchObject({ id: first?.envelope.id, origin: "o" });
    deliveries[3]?.acknowledge();
    await source.close();
    expect(await here.stats(limited)).toMatchObject({ ready: 0, dead: 0 });
    expect([errors, reported]).toEqual([[], []]);
  });

  test("a pause uses no delivery of a limit of 1, also if the broker replies slowly", async () => {
    const proxy = await proxyTo(url);
    const { broker, reported } = onServer(url);
    const limited = defineQueue({ ...tasks, deliveryLimit: 1 });
    const [here, there] = [broker({ url: proxy.url }), broker()];
    const { source, deliveries, errors } = openSource(here, 3, limited);
    await here.publishMany(
      limited,
      [1, 2, 3].map((n) => ({ payload: { n }, options: { id: `m${n}` } })),
    );
    for (let round = 1; round <= 2; round++) {
      await expect.poll(() => deliveries.length, PATIENCE).toBe(3 * round);
      // Each reply takes longer than `close` of the source waits.
      proxy.slow(600);
      const pausing = source.pause();
      const [running, ...ahead] = deliveries.slice(-3);
      for (const delivery of ahead) delivery.giveBack();
      await pausing;
      running?.giveBack();
      await expect.poll(() => there.stats(limited), PATIENCE).toMatchObject({ ready: 3, dead: 0, consumers: 0 });
      proxy.heal();
      source.resume();
    }
    await expect.poll(() => deliveries.length, PATIENCE).toBe(9);
    for (const delivery of deliveries) delivery.acknowledge();
    await source.close();
    expect(await there.stats(limited)).toMatchObject({ ready: 0, dead: 0 });
    expect([errors, reported]).toEqual([[], []]);
  });

  test("RabbitMQ counts no message that is on its way when a source pauses", async () => {
    const { broker, prefix } = onServer(url);
    const [here, channel] = [broker(), await openChannel(url)];
    const entries = Array.from({ length: 20 }, (_, n) => ({ payload: { n } }));
    const { source, deliveries } = openSource(here, 5);
    for (let round = 1; round <= 20; round++) {
      await here.publishMany(tasks, entries);
      await expect.poll(() => deliveries.length, PATIENCE).toBe(5);
      const [first, second, ...ahead] = deliveries;
      first?.acknowledge();
      second?.acknowledge();
      // The acknowledgements are sent, and RabbitMQ delivers two more.
      await setImmediate();
      const pausing = source.pause();
      for (const delivery of ahead) delivery.giveBack();
      await pausing;
      await expect.poll(() => here.stats(tasks), PATIENCE).toMatchObject({ ready: 18, consumers: 0 });
      const counts: unknown[] = [];
      while (counts.length < 18) {
        const message = await channel.get(`${prefix}tasks`, { noAck: true });
        if (message !== false) counts.push(message.properties.headers?.["x-delivery-count"] ?? 0);
      }
      expect(counts).toEqual(counts.map(() => 0));
      deliveries.splice(0);
      source.resume();
    }
  });

  test("a source that pauses directly after its start uses no delivery of a limit of 1", async () => {
    const { broker } = onServer(url);
    const here = broker();
    const limited = defineQueue({ ...tasks, deliveryLimit: 1 });
    await here.publishMany(
      limited,
      [1, 2, 3].map((n) => ({ payload: { n }, options: { id: `m${n}` } })),
    );
    for (let round = 0; round < 10; round++) {
      const started = latch();
      let pausing: Promise<void> | undefined;
      const deliveries: SourceDelivery[] = [];
      const source: DeliverySource = new DeliverySource({
        session: accessOf(here, "the test").session,
        queue: limited,
        prefetch: 3,
        receive: (delivery) => deliveries.push(delivery),
        onConsuming: (consuming) => {
          if (!consuming) return;
          pausing = source.pause();
          started.open();
        },
        report: (error) => expect.fail(String(error)),
      });
      onTestFinished(() => source.close());
      source.resume();
      await started.opened;
      await pausing;
      for (const delivery of deliveries) delivery.giveBack();
      await expect.poll(() => here.stats(limited), PATIENCE).toMatchObject({ ready: 3, dead: 0, consumers: 0 });
    }
  });

  test("a dead letter shows whether RabbitMQ dead-lettered the message by itself", async () => {
    const { broker, prefix } = onServer(url);
    const here = broker();
    await here.publish(tasks, { n: 1 }, { id: "by us", origin: "o1" });
    const { source, deliveries } = openSource(here, 1);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(1);
    await deliveries[0]?.deadLetter("enough");
    await source.close();
    await here.publish(tasks, { n: 2 }, { id: "by RabbitMQ", origin: "o2" });
    const channel = await openChannel(url);
    const message = await channel.get(`${prefix}tasks`);
    if (message !== false) channel.nack(message, false, false);
    await expect.poll(() => here.stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: 2 });

    const { session } = accessOf(here, "the test");
    const letters: unknown[] = [];
    const result = await session.visitDead(
      tasks,
      async ({ id, origin, death }) => {
        letters.push([id, origin, death?.byBroker ?? false]);
        return death?.byBroker === true ? "remove" : "keep";
      },
      { concurrency: 1 },
    );
    expect(result.ok).toBe(true);
    expect(letters).toEqual([
      ["by us", "o1", false],
      ["by RabbitMQ", "o2", true],
    ]);
    expect(await here.deadLetters(tasks)).toMatchObject([{ id: "by us" }]);
  });
});
