import { describe, expect, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { type Broker, QueueError } from "../src/index.js";
import { PATIENCE, recorder } from "../src/lib/contract/fixture.js";
import { onServer, proxyTo, type Tasks, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** What a broker is doing when its line dies without a word: brings it there, and begins the calls that then wait. */
const moments: Record<
  string,
  { prepare(broker: Broker): Promise<unknown>; begin(broker: Broker): Promise<unknown>[] }
> = {
  connects: {
    prepare: async () => {},
    begin: (broker) => [broker.publish(tasks, { n: 1 }), broker.consume(tasks, async () => {}), broker.stats(tasks)],
  },
  declares: {
    prepare: (broker) => broker.health(),
    begin: (broker) => [broker.publish(tasks, { n: 1 })],
  },
  publishes: {
    prepare: (broker) => broker.publish(tasks, { n: 0 }),
    begin: (broker) => [broker.publish(tasks, { n: 1 }), broker.publish(tasks, { n: 2 })],
  },
  "begins to consume": {
    prepare: (broker) => broker.stats(tasks),
    begin: (broker) => [broker.consume(tasks, async () => {}), broker.redrive(tasks)],
  },
};

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("closing"), () => {
  test.each(Object.keys(moments))(
    "a broker that %s on a dead line closes, and its calls are CLOSED",
    async (moment) => {
      const proxy = await proxyTo(url);
      const { broker } = onServer(url);
      const here = broker({ url: proxy.url, timeoutMs: 600_000 });
      await moments[moment]?.prepare(here);
      proxy.freeze();
      const calls = Promise.allSettled(moments[moment]?.begin(here) ?? []);
      await here.close({ graceMs: 0 });
      for (const call of await calls) {
        expect(call).toMatchObject({ reason: { code: "CLOSED" } });
        // Only what was sent may be stored.
        if (moment !== "publishes") expect(call).not.toMatchObject({ reason: { indeterminate: true } });
      }
      expect(await here.health()).toMatchObject({ status: "unhealthy" });
    },
  );

  test("a handler that never ends, on a dead line, holds close up no longer", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const here = broker({ url: proxy.url, timeoutMs: 600_000 });
    const { messages, handler } = recorder<Tasks>(() => new Promise(() => {}));
    await here.consume(tasks, handler);
    await here.publish(tasks, { n: 1 });
    await expect.poll(() => messages.length, PATIENCE).toBe(1);
    proxy.freeze();
    await here.close({ graceMs: 0 });
    expect(QueueError.is(messages[0]?.signal.reason, "CLOSED")).toBe(true);
  });

  test("a connection cut during close does not hold it up", async () => {
    const proxy = await proxyTo(url);
    const { broker } = onServer(url);
    const here = broker({ url: proxy.url });
    await here.consume(tasks, async () => {});
    await here.publish(tasks, { n: 1 });
    const closing = here.close();
    proxy.cut();
    await closing;
  });
});
