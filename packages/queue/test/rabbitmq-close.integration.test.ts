import { describe, expect, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { type Broker, QueueError } from "../src/index.js";
import { PATIENCE, recorder } from "../src/lib/contract/fixture.js";
import { onServer, proxyTo, type Tasks, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

/** Activities of a broker during which its connection freezes. `prepare` leads to the activity, `begin` starts calls that then wait. */
const activities: Record<
  string,
  { prepare(broker: Broker): Promise<unknown>; begin(broker: Broker): Promise<unknown>[] }
> = {
  connecting: {
    prepare: async () => {},
    begin: (broker) => [broker.publish(tasks, { n: 1 }), broker.consume(tasks, async () => {}), broker.stats(tasks)],
  },
  declaring: {
    prepare: (broker) => broker.health(),
    begin: (broker) => [broker.publish(tasks, { n: 1 })],
  },
  publishing: {
    prepare: (broker) => broker.publish(tasks, { n: 0 }),
    begin: (broker) => [broker.publish(tasks, { n: 1 }), broker.publish(tasks, { n: 2 })],
  },
  "starting to consume": {
    prepare: (broker) => broker.stats(tasks),
    begin: (broker) => [broker.consume(tasks, async () => {}), broker.redrive(tasks)],
  },
};

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("closing"), () => {
  test.each(Object.keys(activities))(
    "close while %s on a frozen connection ends, and the calls fail with CLOSED",
    async (activity) => {
      const proxy = await proxyTo(url);
      const { broker } = onServer(url);
      const here = broker({ url: proxy.url, timeoutMs: 600_000 });
      await activities[activity]?.prepare(here);
      proxy.freeze();
      const calls = Promise.allSettled(activities[activity]?.begin(here) ?? []);
      await here.close({ graceMs: 0 });
      for (const call of await calls) {
        expect(call).toMatchObject({ reason: { code: "CLOSED" } });
        // Only a message that was sent may have been stored.
        if (activity !== "publishing") expect(call).not.toMatchObject({ reason: { indeterminate: true } });
      }
      expect(await here.health()).toMatchObject({ status: "unhealthy" });
    },
  );

  test("close on a frozen connection ends although a handler never ends", async () => {
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

  test("close ends if the connection is lost during the call", async () => {
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
