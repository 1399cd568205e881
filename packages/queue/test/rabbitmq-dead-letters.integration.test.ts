import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { deadLetter } from "../src/index.js";
import { PATIENCE } from "../src/lib/contract/fixture.js";
import { onServer, openChannel, proxyTo, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";
/** Of every quorum queue: see topology.ts. */
const DELIVERY_LIMIT = 20;

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("dead letters of a broker"), () => {
  test("a message over which worker after worker dies ends among the dead letters, says why, and can be sent back", async () => {
    const proxy = await proxyTo(url);
    const { prefix, broker } = onServer(url);
    const here = broker();
    await here.publish(tasks, { n: 1 }, { id: "poison", headers: { k: "v" } });
    const deliveries: boolean[] = [];
    const workAndDie = async () => {
      const channel = await openChannel(proxy.url);
      const dead = once(channel, "close");
      await channel.consume(`${prefix}tasks`, (message) => {
        deliveries.push(message?.fields.redelivered === true);
        proxy.cut();
      });
      await dead;
    };
    // It may come back once for each delivery of the limit; the death after those is the last.
    for (let death = 0; death <= DELIVERY_LIMIT; death++) await workAndDie();
    expect(deliveries).toEqual([false, ...Array(DELIVERY_LIMIT).fill(true)]);
    await expect
      .poll(() => here.deadLetters(tasks), PATIENCE)
      .toMatchObject([{ id: "poison", reason: expect.stringContaining("delivery_limit"), attempts: 1 }]);
    expect(await here.stats(tasks)).toMatchObject({ ready: 0, dead: 1 });
    expect(await here.redrive(tasks)).toBe(1);
    const seen: unknown[] = [];
    await here.consume(tasks, async ({ id, headers, attempt }) => void seen.push([id, headers, attempt]));
    await expect.poll(() => seen, PATIENCE).toEqual([["poison", { k: "v" }, 1]]);
  });

  test("a redrive that is cut off midway says so and loses nothing; only what was under way comes twice, under its id", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const calm = broker();
    const ids = Array.from({ length: 120 }, (_, n) => `m${n}`);
    await calm.publishMany(
      tasks,
      ids.map((id, n) => ({ payload: { n }, options: { id } })),
    );
    const burying = await calm.consume(tasks, async () => deadLetter("not now"), { concurrency: 50 });
    await expect.poll(() => calm.stats(tasks), PATIENCE).toMatchObject({ dead: ids.length });
    await burying.close();

    const perSecond = 40;
    const redriving = broker({ url: proxy.url }).redrive(tasks, { perSecond });
    const refusal = redriving.catch((error: unknown) => error);
    await expect.poll(async () => (await calm.stats(tasks)).ready, PATIENCE).toBeGreaterThan(20);
    proxy.cut();
    expect(await refusal).toMatchObject({ code: "UNAVAILABLE", queue: "tasks" });
    await expect
      .poll(async () => {
        const { ready, dead } = await calm.stats(tasks);
        return ready + dead;
      }, PATIENCE)
      .toBeGreaterThanOrEqual(ids.length);
    await calm.redrive(tasks);

    const arrivals = new Map<string, number>();
    await calm.consume(tasks, async ({ id }) => void arrivals.set(id, (arrivals.get(id) ?? 0) + 1), {
      concurrency: 50,
    });
    await expect.poll(() => calm.stats(tasks), PATIENCE).toMatchObject({ ready: 0, delayed: 0, dead: 0 });
    await expect.poll(() => [...arrivals.keys()].sort(), PATIENCE).toEqual(ids.toSorted());
    const repeated = [...arrivals.values()].filter((times) => times > 1).length;
    // No more are under way at a time than are due within a second.
    expect(repeated).toBeLessThanOrEqual(perSecond);
  });

  test("a list of dead letters that takes too long as a whole is a TIMEOUT, and all of them are back", async () => {
    const { prefix, broker } = onServer(url);
    const patient = broker();
    await patient.stats(tasks);
    const channel = await openChannel(url);
    for (let n = 0; n < 6_000; n++) channel.sendToQueue(`${prefix}tasks.dead`, Buffer.from(`{"n":${n}}`));
    await channel.waitForConfirms();
    const hasty = broker({ timeoutMs: 200 });
    // On a busy machine, connecting alone may take longer.
    await expect.poll(() => hasty.stats(tasks), PATIENCE).toMatchObject({ dead: 6_000 });
    await expect(hasty.deadLetters(tasks, { limit: 6_000 })).rejects.toMatchObject({ code: "TIMEOUT" });
    await expect.poll(async () => (await patient.stats(tasks)).dead, PATIENCE).toBe(6_000);
  });
});
