import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { deadLetter } from "../src/index.js";
import { PATIENCE } from "../src/lib/contract/fixture.js";
import { onServer, openChannel, proxyTo, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";
/** Default delivery limit of a quorum queue. */
const DELIVERY_LIMIT = 20;

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("dead letters"), () => {
  test("a message that crashes every consumer is dead-lettered with the reason delivery_limit and can be redriven", async () => {
    const proxy = await proxyTo(url);
    const { prefix, broker } = onServer(url);
    const here = broker();
    await here.publish(tasks, { n: 1 }, { id: "crashing", headers: { k: "v" } });
    const deliveries: boolean[] = [];
    const consumeAndCrash = async () => {
      const channel = await openChannel(proxy.url);
      const closed = once(channel, "close");
      await channel.consume(`${prefix}tasks`, (message) => {
        deliveries.push(message?.fields.redelivered === true);
        proxy.cut();
      });
      await closed;
    };
    // The message is redelivered as often as the limit allows. The next crash dead-letters it.
    for (let crash = 0; crash <= DELIVERY_LIMIT; crash++) await consumeAndCrash();
    expect(deliveries).toEqual([false, ...Array(DELIVERY_LIMIT).fill(true)]);
    await expect
      .poll(() => here.deadLetters(tasks), PATIENCE)
      .toMatchObject([{ id: "crashing", reason: expect.stringContaining("delivery_limit"), attempts: 1 }]);
    expect(await here.stats(tasks)).toMatchObject({ ready: 0, dead: 1 });
    expect(await here.redrive(tasks)).toBe(1);
    const seen: unknown[] = [];
    await here.consume(tasks, async ({ id, headers, attempt }) => void seen.push([id, headers, attempt]));
    await expect.poll(() => seen, PATIENCE).toEqual([["crashing", { k: "v" }, 1]]);
  });

  test("a redrive that loses its connection fails without losing a message, and only messages in flight are duplicated", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const stable = broker();
    const ids = Array.from({ length: 120 }, (_, n) => `m${n}`);
    await stable.publishMany(
      tasks,
      ids.map((id, n) => ({ payload: { n }, options: { id } })),
    );
    const deadLettering = await stable.consume(tasks, async () => deadLetter("not now"), { concurrency: 50 });
    await expect.poll(() => stable.stats(tasks), PATIENCE).toMatchObject({ dead: ids.length });
    await deadLettering.close();

    const perSecond = 40;
    const redriving = broker({ url: proxy.url }).redrive(tasks, { perSecond });
    const failure = redriving.catch((error: unknown) => error);
    await expect.poll(async () => (await stable.stats(tasks)).ready, PATIENCE).toBeGreaterThan(20);
    proxy.cut();
    expect(await failure).toMatchObject({ code: "UNAVAILABLE", queue: "tasks" });
    await expect
      .poll(async () => {
        const { ready, dead } = await stable.stats(tasks);
        return ready + dead;
      }, PATIENCE)
      .toBeGreaterThanOrEqual(ids.length);
    await stable.redrive(tasks);

    const deliveries = new Map<string, number>();
    await stable.consume(tasks, async ({ id }) => void deliveries.set(id, (deliveries.get(id) ?? 0) + 1), {
      concurrency: 50,
    });
    await expect.poll(() => stable.stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
    await expect.poll(() => [...deliveries.keys()].sort(), PATIENCE).toEqual(ids.toSorted());
    const repeated = [...deliveries.values()].filter((times) => times > 1).length;
    // At most the messages of one second are in flight.
    expect(repeated).toBeLessThanOrEqual(perSecond);
  });

  test("deadLetters fails with TIMEOUT if the whole call takes too long, and all dead letters stay", async () => {
    const { prefix, broker } = onServer(url);
    const patient = broker();
    await patient.stats(tasks);
    const channel = await openChannel(url);
    for (let n = 0; n < 6_000; n++) channel.sendToQueue(`${prefix}tasks.dead`, Buffer.from(`{"n":${n}}`));
    await channel.waitForConfirms();
    const hasty = broker({ timeoutMs: 200 });
    // On a busy machine, connecting may take longer than the timeout.
    await expect.poll(() => hasty.stats(tasks), PATIENCE).toMatchObject({ dead: 6_000 });
    await expect(hasty.deadLetters(tasks, { limit: 6_000 })).rejects.toMatchObject({ code: "TIMEOUT" });
    await expect.poll(async () => (await patient.stats(tasks)).dead, PATIENCE).toBe(6_000);
  });
});
