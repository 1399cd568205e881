import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { type Broker, createBroker, defineQueue } from "../src/index.js";
import { rabbitmqDriver } from "../src/rabbitmq.js";

const tasks = defineQueue({ name: "tasks", payload: z.number() });

/** Address on which nothing listens. */
const nowhere = "amqp://127.0.0.1:1";

/** Collects garbage until the test ends. Fails if the process runs without `--expose-gc`. */
function collectGarbage(): void {
  expect(globalThis.gc).toBeTypeOf("function");
  const collecting = setInterval(() => globalThis.gc?.(), 20);
  onTestFinished(() => clearInterval(collecting));
}

test.each<[string, (broker: Broker) => Promise<unknown>]>([
  ["publish", (broker) => broker.publish(tasks, 1)],
  ["consume", (broker) => broker.consume(tasks, async () => {})],
  ["stats", (broker) => broker.stats(tasks)],
  ["deadLetters", (broker) => broker.deadLetters(tasks)],
  ["redrive", (broker) => broker.redrive(tasks)],
  ["discard", (broker) => broker.discard(tasks)],
  ["purge", (broker) => broker.purge(tasks)],
])("%s rejects after its timeout while RabbitMQ is unreachable, although garbage is collected", async (_name, call) => {
  const broker = createBroker({ driver: rabbitmqDriver({ url: nowhere, timeoutMs: 300 }) });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  collectGarbage();
  await expect(call(broker)).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("health resolves after its timeout while RabbitMQ is unreachable, although garbage is collected", async () => {
  const broker = createBroker({ driver: rabbitmqDriver({ url: nowhere }) });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  collectGarbage();
  expect(await broker.health({ timeoutMs: 300 })).toMatchObject({ status: "unhealthy", latencyMs: null });
});

test("a call that waits for a connection ends when the broker object is closed, although garbage is collected", async () => {
  const broker = createBroker({ driver: rabbitmqDriver({ url: nowhere, timeoutMs: 600_000 }) });
  collectGarbage();
  const consuming = expect(broker.consume(tasks, async () => {})).rejects.toMatchObject({ code: "CLOSED" });
  const discarding = expect(broker.discard(tasks)).rejects.toMatchObject({ code: "CLOSED" });
  await broker.close({ graceMs: 0 });
  await Promise.all([consuming, discarding]);
});
