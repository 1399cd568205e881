import { describe, expect, onTestFinished, test } from "vitest";
import { server } from "../../../test/servers/require.js";
import { createBroker, createRelay, defineQueue, QueueError } from "../src/index.js";
import { FakeOutbox, PATIENCE } from "../src/lib/contract/fixture.js";
import { rabbitmqDriver } from "../src/rabbitmq.js";
import { onServer, openChannel, tasks } from "./rabbitmq-queues.js";

const rabbitmq = server("rabbitmq");
const url = rabbitmq.url ?? "";

describe.skipIf(rabbitmq.url === null)(rabbitmq.title("the topology"), () => {
  test("declares a queue, its dead-letter queue and a wait queue per delay", async () => {
    const { prefix, broker } = onServer(url);
    await broker().publish(tasks, { n: 1 });
    const channel = await openChannel(url);
    for (const name of ["tasks", "tasks.dead", "tasks.wait.50"]) {
      expect(await channel.checkQueue(prefix + name)).toMatchObject({ queue: prefix + name });
    }
  });

  test.each([
    [
      "another delivery limit",
      "tasks",
      { "x-queue-type": "quorum", "x-delivery-limit": 5 },
      ["x-delivery-limit", "5", "20"],
    ],
    ["another type", "tasks", { "x-queue-type": "classic" }, ["x-queue-type", "'classic'", "'quorum'"]],
    // RabbitMQ 4 sets the default type explicitly, RabbitMQ 3 does not.
    ["no arguments", "tasks.dead", {}, ["x-queue-type", /not set|'classic'/, "'quorum'"]],
    [
      "an additional argument",
      "tasks.dead",
      { "x-queue-type": "quorum", "x-delivery-limit": 2 ** 31 - 1, "x-expires": 60_000 },
      ["x-expires", "60000", "not set"],
    ],
    [
      "another time to live",
      "tasks.wait.50",
      { "x-queue-type": "quorum", "x-message-ttl": 60 },
      ["x-message-ttl", "60", "50"],
    ],
  ])(
    "every call fails with TOPOLOGY_MISMATCH if the queue exists with %s",
    async (_name, existing, args, [argument, actual, expected]) => {
      const { prefix, broker } = onServer(url);
      const channel = await openChannel(url);
      await channel.assertQueue(prefix + existing, { durable: true, arguments: args });
      const here = broker();
      const calls = [
        () => here.publish(tasks, { n: 1 }),
        () => here.consume(tasks, async () => {}),
        () => here.stats(tasks),
        () => here.deadLetters(tasks),
      ];
      for (const call of calls) {
        const error: unknown = await call().catch((caught: unknown) => caught);
        expect(error).toMatchObject({ code: "TOPOLOGY_MISMATCH", queue: "tasks" });
        for (const part of [prefix + existing, argument, actual, expected]) expect(String(error)).toMatch(part ?? "");
      }
    },
  );

  test("a mismatch of one queue does not affect messages to another", async () => {
    const { prefix, broker } = onServer(url);
    const channel = await openChannel(url);
    await channel.assertQueue(`${prefix}other`, { durable: false });
    const other = defineQueue({ ...tasks, name: "other" });
    const here = broker();
    const results = await Promise.allSettled([
      here.publish(tasks, { n: 1 }),
      here.publish(other, { n: 2 }),
      here.publish(tasks, { n: 3 }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await channel.deleteQueue(`${prefix}other`);
    await channel.deleteQueue(`${prefix}other.dead`);
  });

  test("publishing to a deleted queue fails once with UNROUTABLE, and then declares the queue", async () => {
    const { prefix, broker } = onServer(url);
    const here = broker();
    await here.publish(tasks, { n: 1 });
    await (await openChannel(url)).deleteQueue(`${prefix}tasks`);
    const error: unknown = await here.publish(tasks, { n: 2 }, { id: "m" }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "UNROUTABLE", queue: "tasks", messageId: "m" });
    await here.publish(tasks, { n: 3 });
    expect((await here.stats(tasks)).ready).toBe(1);
  });

  test("a relay publishes an entry for a deleted queue without waiting for the outbox", async () => {
    const { prefix, broker } = onServer(url);
    const here = broker();
    await here.publish(tasks, { n: 1 });
    await (await openChannel(url)).deleteQueue(`${prefix}tasks`);
    // The outbox returns the entry once.
    const outbox = new FakeOutbox([{ entryId: "e", id: "m", queue: "tasks", payload: { n: 2 } }]);
    const failed: unknown[] = [];
    const relay = createRelay({ outbox, broker: here, queues: [tasks], onError: (error) => failed.push(error) });
    onTestFinished(() => relay.close());
    await expect.poll(() => outbox.acknowledged, PATIENCE).toEqual(["e"]);
    expect(failed).toEqual([expect.objectContaining({ code: "UNROUTABLE", messageId: "m" })]);
    expect((await here.stats(tasks)).ready).toBe(1);
  });

  test("a consumer declares a deleted queue again and continues", async () => {
    const { prefix, broker } = onServer(url);
    const here = broker();
    const seen: number[] = [];
    await here.consume(tasks, async ({ payload }) => void seen.push(payload.n));
    await (await openChannel(url)).deleteQueue(`${prefix}tasks`);
    await expect
      .poll(async () => (await openChannel(url)).checkQueue(`${prefix}tasks`), PATIENCE)
      .toMatchObject({ consumerCount: 1 });
    await here.publish(tasks, { n: 1 }).catch(() => here.publish(tasks, { n: 1 }));
    await expect.poll(() => seen, PATIENCE).toEqual([1]);
  });

  test("stats and purge declare a deleted queue again", async () => {
    const { prefix, broker } = onServer(url);
    const here = broker();
    await here.stats(tasks);
    const channel = await openChannel(url);
    await channel.deleteQueue(`${prefix}tasks.dead`);
    expect(await here.stats(tasks)).toMatchObject({ ready: 0, dead: 0, unacked: null });
    await channel.deleteQueue(`${prefix}tasks`);
    expect(await here.purge(tasks)).toBe(0);
  });

  test("accepts messages of other clients without an id, and with headers that are not strings", async () => {
    const { prefix, broker } = onServer(url);
    const here = broker();
    await here.stats(tasks);
    const channel = await openChannel(url);
    const headers = {
      text: "kept",
      number: 7,
      table: { a: 1 },
      "x-subtitles-attempt": "invalid",
      "x-subtitles-errors": "[",
    };
    channel.sendToQueue(`${prefix}tasks`, Buffer.from('{"n":1}'), { headers });
    channel.sendToQueue(`${prefix}tasks`, Buffer.from("not json"), {});
    const seen: unknown[] = [];
    await here.consume(
      tasks,
      async ({ id, payload, headers, attempt }) => void seen.push([id, payload, headers, attempt]),
    );
    await expect
      .poll(() => seen, PATIENCE)
      .toEqual([[expect.stringMatching(/^sha256-/), { n: 1 }, { text: "kept" }, 1]]);
    await expect
      .poll(() => here.deadLetters(tasks), PATIENCE)
      .toMatchObject([{ body: "not json", reason: "The body is not JSON." }]);
  });

  test.each([
    { name: "timeoutMs above it", options: { timeoutMs: 1_800_001 }, warned: true },
    { name: "prefetched messages that wait for longer", options: { timeoutMs: 600_000, prefetch: 3 }, warned: true },
    { name: "timeoutMs below it", options: { timeoutMs: 1_799_999, concurrency: 3 }, warned: false },
    { name: "no timeoutMs", options: {}, warned: false },
  ])(
    "with an acknowledgement timeout of 30 minutes and $name, the consumer warns: $warned",
    async ({ options, warned }) => {
      const { broker, reported } = onServer(url);
      const here = broker();
      const consumer = await here.consume(tasks, async () => {}, options);
      const { status, warnings } = await here.health();
      const warning = expect.stringMatching(/"tasks".*1800000 ms \(ackTimeoutMs\)/);
      expect([status, warnings]).toEqual(["healthy", warned ? [warning] : []]);
      expect(reported.map(String)).toEqual(warned ? [warning] : []);
      await consumer.close();
      expect((await here.health()).warnings).toEqual([]);
    },
  );

  test("ackTimeoutMs sets the acknowledgement timeout of the broker", async () => {
    const { broker } = onServer(url);
    const here = broker({ ackTimeoutMs: 7_200_000 });
    await here.consume(tasks, async () => {}, { timeoutMs: 3_600_000 });
    expect((await here.health()).warnings).toEqual([]);
  });

  test.each([
    {
      wrong: "credentials",
      change: { username: "unknown", password: "s3cret" },
      text: "the broker rejected the user or the password; check both in the url (ACCESS_REFUSED",
    },
    { wrong: "a virtual host", change: { pathname: "/nowhere" }, text: "nowhere" },
  ])("reports unknown $wrong without quoting the password", async ({ change, text }) => {
    const address = new URL(url);
    Object.assign(address, change);
    const reported: unknown[] = [];
    const driver = rabbitmqDriver({ url: address.href, timeoutMs: 1_000 });
    await using broker = createBroker({ driver, onError: (error) => reported.push(error) });
    const error: unknown = await broker.publish(tasks, { n: 1 }).catch((caught: unknown) => caught);
    expect(QueueError.is(error, "UNAVAILABLE") && error.indeterminate).toBe(false);
    expect(String(error)).toContain(text);
    const health = await broker.health({ timeoutMs: 500 });
    expect(health).toMatchObject({ status: "unhealthy", error: expect.stringContaining(text) });
    const { inspect } = await import("node:util");
    expect(inspect([error, reported, health, driver], { depth: 10 }).replace(inspect(driver), "")).not.toContain(
      "s3cret",
    );
  });
});
