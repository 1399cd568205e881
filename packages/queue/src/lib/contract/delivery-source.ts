import { expect, onTestFinished, test } from "vitest";
import { accessOf } from "../broker-access.js";
import { defineQueue } from "../definition.js";
import { DeliverySource, type SourceDelivery } from "../delivery-source.js";
import type { Broker } from "../types.js";
import { type OpenDriver, PATIENCE, setUp, Task, type TaskQueue } from "./fixture.js";

/** Opens a source that stores its deliveries. It is closed after the test. */
function openSource(broker: Broker, queue: TaskQueue, prefetch = 1) {
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

export function deliverySourceContract(open: OpenDriver): void {
  test("passes on each message with its origin and headers, at most `prefetch` unsettled ones", async () => {
    const { broker, tasks } = await setUp(open);
    const publish = (n: number) =>
      broker.publish(tasks, { n }, { id: `m${n}`, origin: `o${n}`, headers: { k: `v${n}` } });
    for (const n of [1, 2, 3]) await publish(n);
    const { deliveries, source } = openSource(broker, tasks, 2);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(2);
    await expect.poll(() => source.consuming, PATIENCE).toBe(true);
    expect(
      deliveries.map(({ envelope, redelivered }) => [envelope.id, envelope.origin, envelope.headers, redelivered]),
    ).toEqual([
      ["m1", "o1", { k: "v1" }, false],
      ["m2", "o2", { k: "v2" }, false],
    ]);
    expect(await broker.stats(tasks)).toMatchObject({ ready: 1, consumers: 1 });
    deliveries[1]?.acknowledge();
    await expect.poll(() => deliveries.map(({ envelope }) => envelope.id), PATIENCE).toEqual(["m1", "m2", "m3"]);
    for (const delivery of deliveries) delivery.acknowledge();
    await source.close();
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: 0, consumers: 0 });
  });

  test("acknowledgements in any order remove exactly the acknowledged messages", async () => {
    const { broker, tasks } = await setUp(open);
    const numbers = Array.from({ length: 60 }, (_, n) => n);
    await broker.publishMany(
      tasks,
      numbers.map((n) => ({ payload: { n }, options: { id: `m${n}` } })),
    );
    const { deliveries, source } = openSource(broker, tasks, 60);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(60);
    // Every third one stays, the others are acknowledged in several turns, backwards and forwards.
    const settled = deliveries.filter((_, n) => n % 3 !== 0);
    for (const delivery of settled.splice(20, 10)) delivery.acknowledge();
    await new Promise(setImmediate);
    for (const delivery of settled.reverse()) {
      delivery.acknowledge();
      if (delivery.envelope.id.endsWith("7")) await new Promise(setImmediate);
    }
    await source.close();
    const rest = openSource(broker, tasks, 60);
    const kept = numbers.filter((n) => n % 3 === 0).map((n) => `m${n}`);
    await expect.poll(() => rest.deliveries.map(({ envelope }) => envelope.id).sort(), PATIENCE).toEqual(kept.sort());
    expect(await broker.stats(tasks)).toMatchObject({ ready: 0, dead: 0 });
  });

  test("gives messages back to other consumers when it pauses, and continues after resume", async () => {
    const { broker, openBroker, tasks } = await setUp(open);
    await broker.publishMany(
      tasks,
      [1, 2, 3].map((n) => ({ payload: { n }, options: { id: `m${n}`, origin: `o${n}` } })),
    );
    const { deliveries, source, states } = openSource(broker, tasks, 3);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(3);
    const pausing = source.pause();
    const [running, ...ahead] = deliveries;
    for (const delivery of ahead) delivery.giveBack();
    await pausing;
    expect(source.consuming).toBe(false);
    const other = openSource(openBroker(), tasks, 3);
    const received = () => other.deliveries.map(({ envelope: { id, origin } }) => [id, origin]).sort();
    await expect.poll(received, PATIENCE).toEqual([
      ["m2", "o2"],
      ["m3", "o3"],
    ]);
    for (const delivery of other.deliveries) delivery.acknowledge();
    await other.source.close();
    // A delivery from before the pause can still be settled, also after `resume`.
    source.resume();
    await broker.publish(tasks, { n: 4 }, { id: "m4" });
    await expect.poll(() => deliveries.at(-1)?.envelope.id, PATIENCE).toBe("m4");
    for (const delivery of [running, deliveries.at(-1)]) {
      expect(delivery?.live).toBe(true);
      delivery?.acknowledge();
    }
    await source.close();
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, dead: 0, consumers: 0 });
    await expect.poll(() => states, PATIENCE).toEqual([true, false, true, false]);
  });

  test("pauses more often than the delivery limit allows deliveries, and no message is lost or dead-lettered", async () => {
    const { broker, define } = await setUp(open);
    const queue = define(defineQueue({ name: "paused", payload: Task, retryDelaysMs: [50], deliveryLimit: 3 }));
    const ids = Array.from({ length: 30 }, (_, n) => `m${n}`);
    await broker.publishMany(
      queue,
      ids.map((id, n) => ({ payload: { n }, options: { id } })),
    );
    const { deliveries, source } = openSource(broker, queue, 10);
    const live = () => deliveries.filter((delivery) => delivery.live);
    for (let pauses = 0; pauses < 8; pauses++) {
      await expect.poll(() => live().length, PATIENCE).toBeGreaterThan(0);
      const pausing = source.pause();
      for (const delivery of live()) delivery.giveBack();
      await pausing;
      const received = deliveries.length;
      await broker.stats(queue);
      expect(deliveries).toHaveLength(received);
      source.resume();
    }
    const acknowledged = new Set<string>();
    const acknowledge = () => {
      for (const delivery of live()) {
        delivery.acknowledge();
        acknowledged.add(delivery.envelope.id);
      }
      return acknowledged.size;
    };
    await expect.poll(acknowledge, PATIENCE).toBe(ids.length);
    await source.close();
    await expect.poll(() => broker.stats(queue), PATIENCE).toMatchObject({ ready: 0, dead: 0, consumers: 0 });
  });

  test("returns unsettled deliveries when it closes; settling them later has no effect", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publishMany(
      tasks,
      [1, 2].map((n) => ({ payload: { n } })),
    );
    const { deliveries, source } = openSource(broker, tasks, 2);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(2);
    await source.close();
    for (const delivery of deliveries) {
      expect(delivery.live).toBe(false);
      delivery.acknowledge();
    }
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 2, dead: 0, consumers: 0 });
  });

  test("dead-letters with a reason and the origin, and sends a message again with another origin", async () => {
    const { broker, tasks } = await setUp(open);
    await broker.publish(tasks, { n: 1 }, { id: "bad", origin: "o1" });
    await broker.publish(tasks, { n: 2 }, { id: "again", origin: "o2", headers: { k: "v" } });
    const { deliveries } = openSource(broker, tasks, 2);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(2);
    await deliveries[0]?.deadLetter("no such job");
    expect(await broker.deadLetters(tasks)).toMatchObject([
      { id: "bad", reason: "no such job", origin: "o1", attempts: 1 },
    ]);
    await deliveries[1]?.sendAgain("o3");
    await expect.poll(() => deliveries.length, PATIENCE).toBe(3);
    expect(deliveries[2]?.envelope).toMatchObject({ id: "again", origin: "o3", headers: { k: "v" }, attempt: 1 });
    deliveries[2]?.acknowledge();
  });

  test.each([
    ["without a short retry delay", []],
    ["with retry delays", [20, 70]],
  ])("postpones a message %s", async (_, retryDelaysMs) => {
    const { broker, tasks } = await setUp(open, { retryDelaysMs });
    await broker.publish(tasks, { n: 1 }, { id: "m", origin: "o" });
    const { deliveries } = openSource(broker, tasks);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(1);
    const at = Date.now();
    const postponing = deliveries[0]?.postpone(200);
    await expect.poll(() => deliveries.length, PATIENCE).toBe(2);
    await postponing;
    expect(Date.now() - at).toBeGreaterThanOrEqual(199);
    const { id, origin, attempt, postponed } = deliveries[1]?.envelope ?? {};
    expect({ id, origin, attempt }).toEqual({ id: "m", origin: "o", attempt: 1 });
    expect(postponed?.since).toBeGreaterThanOrEqual(at);
    deliveries[1]?.acknowledge();
    await expect.poll(() => broker.stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
  });

  test("the broker closes consumers that were added to it", async () => {
    const { openBroker } = await setUp(open);
    const broker = openBroker();
    const access = accessOf(broker, "the test");
    const closed: string[] = [];
    access.addConsumer({ close: async (graceMs) => void closed.push(`kept ${graceMs}`) });
    const remove = access.addConsumer({ close: async () => void closed.push("removed") });
    remove();
    await broker.close({ graceMs: 7 });
    expect(closed).toEqual(["kept 7"]);
  });
}
