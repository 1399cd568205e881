import { expect, test } from "vitest";
import { z } from "zod";
import * as root from "../src/index.js";
import { createBroker, createRelay, defineQueue, type Session } from "../src/index.js";
import type { Driver } from "../src/lib/driver.js";
import * as memory from "../src/memory.js";
import * as opentelemetry from "../src/opentelemetry.js";
import * as rabbitmq from "../src/rabbitmq.js";

const healthy = { latencyMs: 1, blocked: false, pendingConfirms: 0, reconnects: 0, warnings: [], error: null };
/** A session whose every method fails the test, except `health`. */
const session = new Proxy({ ackTimeoutMs: 1, health: async () => healthy } as Partial<Session>, {
  get: (parts, key) => Reflect.get(parts, key) ?? (() => expect.fail(`session.${String(key)} was called`)),
}) as Session;
const driver: Driver = { name: "untouched", open: () => session };
const broker = createBroker({ driver });
const queue = defineQueue({ name: "tasks", payload: z.number(), retryDelaysMs: [] });
const handler = async () => {};

/** Object with a key that no function supports. Its type is `object`, so that the compiler accepts it in any options. */
const unknown: object = { colour: undefined };
const rejectionOf = async (all: Promise<readonly PromiseSettledResult<unknown>[]>) => {
  for (const one of await all) if (one.status === "rejected") throw one.reason;
};

/** Calls with an unknown key, one for each object that a function accepts. Empty for a function without such a parameter. */
type Calls<Functions extends string> = Record<Functions, Readonly<Record<string, () => unknown>>>;
type FunctionsOf<T> = { [K in keyof T & string]: T[K] extends (...parameters: never) => unknown ? K : never }[keyof T &
  string];

const ofBroker: Calls<FunctionsOf<typeof broker>> = {
  publish: { options: () => broker.publish(queue, 1, { ...unknown }) },
  publishMany: {
    "a message": () => rejectionOf(broker.publishMany(queue, [{ payload: 1, ...unknown }])),
    "the options of a message": () => rejectionOf(broker.publishMany(queue, [{ payload: 1, options: { ...unknown } }])),
  },
  consume: { options: () => broker.consume(queue, handler, { ...unknown }) },
  stats: {},
  deadLetters: { options: () => broker.deadLetters(queue, { ...unknown }) },
  redrive: { options: () => broker.redrive(queue, { ...unknown }) },
  discard: { options: () => broker.discard(queue, { ...unknown }) },
  purge: {},
  // Never throws; see below.
  health: {},
  close: { options: () => broker.close({ ...unknown }) },
};
const outbox = { read: async () => [], ack: async () => {} };
const entries = { ...root, ...memory, ...opentelemetry, ...rabbitmq };
const ofEntries: Calls<Exclude<FunctionsOf<typeof entries>, "QueueError">> = {
  defineQueue: { "the definition": () => defineQueue({ name: "a", payload: z.number(), ...unknown }) },
  message: { options: () => root.message(queue, 1, { ...unknown }) },
  retry: { options: () => root.retry({ ...unknown }) },
  deadLetter: {},
  postpone: { options: () => root.postpone({ afterMs: 1, ...unknown }) },
  createBroker: { options: () => createBroker({ driver, ...unknown }) },
  createRelay: { options: () => createRelay({ outbox, broker, queues: [queue], ...unknown }) },
  memoryDriver: { options: () => memory.memoryDriver({ ...unknown }) },
  memoryDedupe: { options: () => memory.memoryDedupe({ ...unknown }) },
  rabbitmqDriver: {
    options: () => rabbitmq.rabbitmqDriver({ url: "amqp://nowhere", ...unknown }),
    tls: () => rabbitmq.rabbitmqDriver({ url: "amqps://nowhere", tls: { ...unknown } }),
  },
  instrument: { options: () => opentelemetry.instrument(broker, { ...unknown }) },
};

const tables: readonly (readonly [owner: string, object, Calls<string>])[] = [
  ["broker", broker, ofBroker],
  ["the entry points", entries, ofEntries],
];

test.each(tables)("the tests of unknown keys cover every function of %s", (_, owner, calls) => {
  const functions = Object.entries(owner).filter(([name, value]) => /^[a-z]/.test(name) && typeof value === "function");
  expect(Object.keys(calls).sort()).toEqual(functions.map(([name]) => name).sort());
});

const withUnknownKey = tables.flatMap(([owner, , calls]) =>
  Object.entries(calls).flatMap(([name, given]) =>
    Object.entries(given).map(([what, call]) => [`${name} of ${owner}`, what, call] as const),
  ),
);
const invalidArgument = {
  name: "QueueError",
  code: "INVALID_ARGUMENT",
  message: expect.stringContaining('"colour"'),
};
test.each(withUnknownKey)("%s rejects an unknown key in %s before any call of the driver", async (_, __, call) => {
  await expect((async () => call())()).rejects.toMatchObject(invalidArgument);
});

test("close of a consumer rejects an unknown key, and the consumer continues", async () => {
  await using open = createBroker({ driver: memory.memoryDriver() });
  const consumer = await open.consume(queue, handler);
  await expect(consumer.close({ ...unknown })).rejects.toMatchObject(invalidArgument);
  expect(await open.stats(queue)).toMatchObject({ consumers: 1 });
});

test("the error names the function, the unknown key and the supported keys", async () => {
  const misspelt: object = { id: ["a"] };
  await expect(broker.redrive(queue, { ...misspelt })).rejects.toThrow(
    'redrive does not support the option "id". Supported options: ids, limit, perSecond.',
  );
  await expect(rejectionOf(broker.publishMany(queue, [{ payload: 1, ...misspelt }]))).rejects.toThrow(
    'A message of publishMany does not support the key "id". Supported keys: options, payload.',
  );
});

test("health reports an unknown option as a warning, because it never fails", async () => {
  expect(await broker.health({ ...unknown })).toMatchObject({
    status: "healthy",
    warnings: ['health does not support the option "colour". Supported options: timeoutMs.'],
  });
});

test("an instrumented broker rejects an unknown key", async () => {
  const instrumented = opentelemetry.instrument(broker);
  await expect(instrumented.publish(queue, 1, { ...unknown })).rejects.toMatchObject(invalidArgument);
  await expect(
    rejectionOf(instrumented.publishMany(queue, [{ payload: 1, options: { ...unknown } }])),
  ).rejects.toMatchObject(invalidArgument);
  await expect(instrumented.consume(queue, handler, { ...unknown })).rejects.toMatchObject(invalidArgument);
  await expect(instrumented.redrive(queue, { ...unknown })).rejects.toMatchObject(invalidArgument);
});

test("options that are not an object are rejected", async () => {
  for (const none of [7, "id"] as never[]) {
    const calls = [
      () => broker.publish(queue, 1, none),
      () => broker.consume(queue, handler, none),
      () => broker.redrive(queue, none),
      () => root.message(queue, 1, none),
      () => root.retry(none),
      () => memory.memoryDriver(none),
    ];
    for (const call of calls) {
      await expect((async () => call())()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  }
});

test("symbols and inherited keys are ignored", async () => {
  const inherited = Object.assign(Object.create({ colour: 1 }), { id: "a", [Symbol("colour")]: 1 });
  expect(root.message(queue, 1, inherited)).toMatchObject({ id: "a" });
});

test("a hand-written verdict with an unknown key counts as a failure", async () => {
  const reported: unknown[] = [];
  await using open = createBroker({ driver: memory.memoryDriver(), onError: (error) => reported.push(error) });
  await open.consume(queue, async () => ({ kind: "retry", ...unknown }));
  await open.publish(queue, 1);
  await expect.poll(() => open.deadLetters(queue)).toHaveLength(1);
  expect(reported).toMatchObject([invalidArgument]);
});
