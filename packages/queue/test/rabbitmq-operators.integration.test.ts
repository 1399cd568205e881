import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { findRabbitmq } from "../../../test/servers/binaries.js";
import { type Rabbitmq, startRabbitmq } from "../../../test/servers/rabbitmq.js";
import { privateServer } from "../../../test/servers/require.js";
import { createBroker, createRelay, deadLetter, defineQueue, QueueError, retry } from "../src/index.js";
import { FakeOutbox, PATIENCE } from "../src/lib/contract/fixture.js";
import { rabbitmqDriver } from "../src/rabbitmq.js";
import { openChannel } from "./rabbitmq-queues.js";

const rabbitmq = privateServer("rabbitmq");

describe.skipIf(!rabbitmq.available)(rabbitmq.title("a queue that operators create"), { timeout: 120_000 }, () => {
  let server: Rabbitmq;
  /** Address of a user with read and write permissions and without configure permission. */
  let restricted: string;

  beforeAll(async () => {
    server = await startRabbitmq();
    await server.control("add_vhost", "it's");
    await server.control("add_user", "worker", "s3cret");
    await server.control("set_permissions", "--vhost", "it's", "worker", "^$", ".*", ".*");
    await server.control("set_permissions", "--vhost", "it's", "guest", ".*", ".*", ".*");
    const address = new URL(server.url);
    Object.assign(address, { username: "worker", password: "s3cret", pathname: "/it's" });
    restricted = address.href;
  }, 180_000);
  afterAll(() => server?.stop());

  const operated = (name: string, rest: { type?: "classic"; deliveryLimit?: number } = {}) =>
    defineQueue({ name, payload: z.object({ n: z.number() }), retryDelaysMs: [50, 70], declare: false, ...rest });

  function open(url: string) {
    const reported: unknown[] = [];
    const driver = rabbitmqDriver({ url, prefix: "films.", timeoutMs: 5_000 });
    const broker = createBroker({ driver, onError: (error) => reported.push(error) });
    onTestFinished(() => broker.close({ graceMs: 0 }));
    return { broker, reported };
  }

  /** Runs a command that an error shows. */
  async function run(command: string): Promise<void> {
    const file = join(server.folder, "queues.json");
    const control = `${findRabbitmq()?.control} --node ${server.env.RABBITMQ_NODENAME}`;
    const adapted = command.replaceAll("queues.json", file).replace("rabbitmqctl", control);
    await promisify(execFile)("sh", ["-c", adapted], { env: server.env, timeout: 60_000 });
  }

  /** Fails if the error shows no command. */
  function commandIn(error: unknown): string {
    return /create the missing queues: (printf .*)$/s.exec(String(error))?.[1] ?? expect.fail(`no command: ${error}`);
  }

  test("that does not exist makes every call fail with TOPOLOGY_MISMATCH and the missing names, and is not created", async () => {
    const queue = operated("missing");
    const { broker } = open(restricted);
    const calls = [
      () => broker.publish(queue, { n: 1 }),
      () => broker.consume(queue, async () => {}),
      () => broker.stats(queue),
      () => broker.deadLetters(queue),
      () => broker.redrive(queue),
      () => broker.purge(queue),
    ];
    for (const call of calls) {
      const error: unknown = await call().catch((caught: unknown) => caught);
      expect(QueueError.is(error, "TOPOLOGY_MISMATCH") && error.queue).toBe("missing");
      for (const name of ["missing.dead", "missing", "missing.wait.50", "missing.wait.70"]) {
        expect(String(error)).toContain(`"films.${name}"`);
      }
      expect(String(error)).not.toContain("s3cret");
    }
    expect(await server.control("list_queues", "--vhost", "it's", "--quiet", "name")).not.toContain("missing");
  });

  test.each([
    { name: "quorum", rest: {} },
    { name: "limited", rest: { deliveryLimit: 5 } },
    { name: "classic", rest: { type: "classic" as const } },
  ])("is created by the command in the error as the driver would declare it: $name", async ({ name, rest }) => {
    const queue = operated(name, rest);
    const { broker } = open(restricted);
    const error: unknown = await broker.publish(queue, { n: 1 }).catch((caught: unknown) => caught);
    await run(commandIn(error));
    await expect.poll(async () => broker.publish(queue, { n: 1 }).then(() => "published"), PATIENCE).toBe("published");

    const administrator = new URL(restricted);
    Object.assign(administrator, { username: "guest", password: "guest" });
    // Declares the same queue, so RabbitMQ compares every argument.
    const declaring = open(administrator.href).broker;
    expect(await declaring.stats({ ...queue, declare: true })).toMatchObject({ ready: 1 });
  });

  test("needs no configure permission: publish, consume, retry, redrive, discard, purge, stats, relay", async () => {
    const queue = operated("served");
    const { broker, reported } = open(restricted);
    await run(commandIn(await broker.stats(queue).catch((caught: unknown) => caught)));
    await expect.poll(() => broker.stats(queue).then(({ ready }) => ready), PATIENCE).toBe(0);

    const seen: unknown[] = [];
    const consumer = await broker.consume(queue, async ({ payload, attempt }) => {
      seen.push([payload.n, attempt]);
      return attempt === 1 ? retry() : deadLetter("enough");
    });
    const outbox = new FakeOutbox([{ entryId: "e", id: "m", queue: "served", payload: { n: 7 } }]);
    const relay = createRelay({ outbox, broker, queues: [queue] });
    onTestFinished(() => relay.close());
    await expect.poll(() => outbox.acknowledged, PATIENCE).toEqual(["e"]);
    await expect.poll(() => broker.deadLetters(queue), PATIENCE).toMatchObject([{ id: "m", reason: "enough" }]);
    expect(seen).toEqual([
      [7, 1],
      [7, 2],
    ]);
    await consumer.close();
    expect(await broker.redrive(queue)).toBe(1);
    expect(await broker.stats(queue)).toMatchObject({ ready: 1, dead: 0 });
    expect(await broker.purge(queue)).toBe(1);
    expect(await broker.discard(queue)).toBe(0);
    expect(reported).toEqual([]);
  });

  test("that was deleted is named by the next call, and its consumer resumes when it is created again", async () => {
    const queue = operated("deleted");
    const { broker, reported } = open(restricted);
    const command = commandIn(await broker.stats(queue).catch((caught: unknown) => caught));
    await run(command);
    const seen: number[] = [];
    const consume = () => broker.consume(queue, async ({ payload }) => void seen.push(payload.n));
    await expect.poll(() => consume().then(() => "consuming"), PATIENCE).toBe("consuming");
    await broker.publish(queue, { n: 1 });
    await expect.poll(() => seen, PATIENCE).toEqual([1]);

    const administrator = new URL(restricted);
    Object.assign(administrator, { username: "guest", password: "guest" });
    await (await openChannel(administrator.href)).deleteQueue("films.deleted");
    await expect
      .poll(() => reported, PATIENCE)
      .toContainEqual(expect.objectContaining({ code: "TOPOLOGY_MISMATCH", queue: "deleted" }));
    const error: unknown = await broker
      .publish(queue, { n: 2 })
      .catch(() => broker.publish(queue, { n: 2 }).catch((caught: unknown) => caught));
    expect(String(error)).toContain('"films.deleted" does not exist');
    expect(String(error)).not.toContain('"name":"films.deleted.dead"');
    await run(command);
    await expect.poll(() => broker.publish(queue, { n: 3 }).then(() => "published"), PATIENCE).toBe("published");
    await expect.poll(() => seen, PATIENCE).toEqual([1, 3]);
  });

  test("has a creation command that quotes its argument for a shell", async () => {
    const error: unknown = await open(restricted)
      .broker.stats(operated("quoted"))
      .catch((caught: unknown) => caught);
    const [printed] = commandIn(error).split(" > ");
    const { stdout } = await promisify(execFile)("sh", ["-c", String(printed)]);
    expect(JSON.parse(stdout).queues[1]).toEqual({
      vhost: "it's",
      name: "films.quoted",
      durable: true,
      auto_delete: false,
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "films.quoted.dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
      },
    });
  });
});
