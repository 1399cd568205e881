import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { createBroker, defineQueue, QueueError } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { rabbitmqDriver } from "../src/rabbitmq.js";

const tasks = defineQueue({ name: "tasks", payload: z.number(), retryDelaysMs: [] });

/** Replaces `Error` by the class of another realm until the test ends. It then differs from the class of Node's modules, as in Jest. */
function enterAnotherRealm(): void {
  const names = ["Error", "TypeError", "RangeError"] as const;
  for (const name of names) vi.stubGlobal(name, runInNewContext(name));
  onTestFinished(() => void vi.unstubAllGlobals());
}

test("the reason why RabbitMQ is unreachable is reported from another realm", async () => {
  enterAnotherRealm();
  const broker = createBroker({ driver: rabbitmqDriver({ url: "amqp://127.0.0.1:1", timeoutMs: 300 }) });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  await expect(broker.publish(tasks, 1)).rejects.toThrow(/ECONNREFUSED/);
});

test("an invalid certificate is reported with its code from another realm", () => {
  enterAnotherRealm();
  expect(() => rabbitmqDriver({ url: "amqps://127.0.0.1", tls: { ca: "not a certificate" } })).toThrow(/ERR_[A-Z_]+/);
});

test.each<[string, () => unknown, string]>([
  ["an error", () => new (runInNewContext("Error"))("the disk is full"), "the disk is full"],
  ["a TypeError", () => runInNewContext("new TypeError('fetch failed')"), "fetch failed"],
  ["a failure of fetch", () => fetch("http://127.0.0.1:1/"), "fetch failed"],
  ["an aborted call", () => AbortSignal.abort().reason, "This operation was aborted"],
])("a dead letter has the reason of %s that is thrown in another realm", async (_name, failure, reason) => {
  enterAnotherRealm();
  await using broker = createBroker({ driver: memoryDriver() });
  await broker.consume(tasks, async () => {
    throw await failure();
  });
  await broker.publish(tasks, 1);
  await expect.poll(() => broker.deadLetters(tasks)).toMatchObject([{ reason }]);
});

test("an upcast that throws an error of another realm is reported with the error's name", async () => {
  const driver = memoryDriver();
  const upcast = () => {
    throw runInNewContext("new RangeError('x')");
  };
  const second = defineQueue({ ...tasks, version: 2, upcast: { 1: upcast } });
  await using broker = createBroker({ driver });
  await broker.publish(tasks, 1);
  await broker.consume(second, async () => {});
  await expect
    .poll(() => broker.deadLetters(tasks))
    .toMatchObject([{ reason: expect.stringContaining("threw RangeError") }]);
});

test("QueueError.is recognizes an error of another realm", () => {
  const error = new QueueError("CLOSED", "closed");
  enterAnotherRealm();
  expect(QueueError.is(error, "CLOSED")).toBe(true);
});
