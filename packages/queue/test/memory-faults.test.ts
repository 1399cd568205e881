import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import {
  type BrokerEvent,
  createBroker,
  createRelay,
  deadLetter,
  defineQueue,
  QueueError,
  retry,
} from "../src/index.js";
import { FakeOutbox, latch, recorder } from "../src/lib/contract/fixture.js";
import { memoryDedupe, memoryDriver } from "../src/memory.js";

const tasks = defineQueue({ name: "tasks", payload: z.object({ n: z.number() }), retryDelaysMs: [10] });
type Tasks = typeof tasks;

function setUp(options: { readonly timeoutMs?: number } = {}) {
  const driver = memoryDriver(options);
  const reported: unknown[] = [];
  const events: BrokerEvent[] = [];
  const broker = createBroker({
    driver,
    onError: (error) => reported.push(error),
    onEvent: (event) => events.push(event),
  });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  return { driver, faults: driver.faults, broker, reported, events };
}

test("dropConnections: a running handler keeps its message, and the other messages are redelivered in order", async () => {
  const { faults, broker, reported } = setUp();
  const { opened, open: release } = latch();
  const { messages, handler } = recorder<Tasks>(() => opened.then(() => undefined));
  await broker.consume(tasks, handler, { prefetch: 3 });
  await broker.publishMany(
    tasks,
    [1, 2, 3].map((n) => ({ payload: { n } })),
  );
  await expect.poll(() => messages.length).toBe(1);
  faults.dropConnections();
  release();
  await expect
    .poll(() => messages.map(({ payload, redelivered }) => [payload.n, redelivered]))
    .toEqual([
      [1, false],
      [2, true],
      [3, true],
    ]);
  await expect.poll(() => broker.stats(tasks)).toMatchObject({ ready: 0, unacked: 0, consumers: 1 });
  expect(await broker.health()).toMatchObject({ status: "healthy", reconnects: 1, warnings: [] });
  expect(reported).toEqual([expect.objectContaining({ code: "UNAVAILABLE" })]);
});

test("a reconnected broker emits an event with the duration of the outage, if it was used before", async () => {
  const { driver, faults, broker, reported, events } = setUp();
  const unused: BrokerEvent[] = [];
  createBroker({ driver, onEvent: (event) => unused.push(event) });
  await broker.stats(tasks);
  faults.goAway();
  expect([reported.length, events.length]).toEqual([1, 0]);
  faults.comeBack();
  expect(events).toMatchObject([{ type: "connected", details: { connection: "memory", again: true } }]);
  expect(events[0]?.message).toMatch(/^Connected again after \d+ ms \(memory\)\.$/);
  expect(unused).toEqual([]);
});

test("errors of onError and onEvent are ignored", async () => {
  const driver = memoryDriver();
  const fail = () => {
    throw new Error("the logger failed");
  };
  const broker = createBroker({ driver, onError: fail, onEvent: fail });
  await broker.stats(tasks);
  driver.faults.dropConnections();
  expect(await broker.health()).toMatchObject({ status: "healthy", reconnects: 1 });
});

test("a handler that succeeds while disconnected does not run again: its redelivery is acknowledged", async () => {
  const { faults, broker } = setUp();
  const { opened, open: release } = latch();
  const { messages, handler } = recorder<Tasks>(() => opened.then(() => undefined));
  await broker.consume(tasks, handler);
  await broker.publish(tasks, { n: 1 });
  await expect.poll(() => messages.length).toBe(1);
  faults.goAway();
  release();
  await expect
    .poll(async () => (await broker.health()).warnings)
    .toEqual([expect.stringContaining("Late acknowledgements: 1.")]);
  faults.comeBack();
  await expect.poll(() => broker.stats(tasks)).toMatchObject({ ready: 0, unacked: 0, delayed: 0, dead: 0 });
  expect(messages).toHaveLength(1);
});

test("a handler that fails while disconnected runs again", async () => {
  const { faults, broker } = setUp({ timeoutMs: 20 });
  const { opened, open: release } = latch();
  const { messages, handler } = recorder<Tasks>(async ({ attempt }) => {
    await opened;
    return attempt === 1 ? retry() : undefined;
  });
  await broker.consume(tasks, handler);
  await broker.publish(tasks, { n: 1 });
  await expect.poll(() => messages.length).toBe(1);
  faults.goAway();
  release();
  faults.comeBack();
  await expect.poll(() => messages.map(({ attempt }) => attempt)).toEqual([1, 2]);
  await expect.poll(() => broker.stats(tasks)).toMatchObject({ ready: 0, unacked: 0, delayed: 0, dead: 0 });
});

test("a prefetched message is handled, although an identical one was acknowledged on the lost connection", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const { faults, broker } = setUp();
  const { opened, open: release } = latch();
  const { messages, handler } = recorder<Tasks>(({ id }) =>
    id === "other" ? opened.then(() => undefined) : undefined,
  );
  // Published at the same time under the same id.
  await broker.publishMany(
    tasks,
    ["same", "other", "same"].map((id, n) => ({ payload: { n }, options: { id } })),
  );
  await broker.consume(tasks, handler, { prefetch: 3 });
  await expect.poll(() => messages.map(({ id }) => id)).toEqual(["same", "other"]);
  faults.dropConnections();
  release();
  await expect.poll(() => messages.map(({ payload }) => payload.n)).toEqual([0, 1, 2]);
  await expect.poll(() => broker.stats(tasks)).toMatchObject({ ready: 0, unacked: 0 });
});

test("a redelivery is handled, although another message with its id and time was acknowledged on the lost connection", async () => {
  const now = vi.spyOn(Date, "now").mockReturnValue(1_700_000_000_000);
  onTestFinished(() => now.mockRestore());
  const { driver, faults, broker } = setUp();
  const { opened, open: release } = latch();
  const { messages, handler } = recorder<Tasks>(({ id }) =>
    id === "other" ? opened.then(() => undefined) : undefined,
  );
  await broker.consume(tasks, handler);
  await broker.publish(tasks, { n: 1 }, { id: "same" });
  await expect.poll(() => broker.stats(tasks)).toMatchObject({ ready: 0, unacked: 0 });
  faults.dropConnections();
  await broker.publish(tasks, { n: 2 }, { id: "other" });
  await expect.poll(() => messages.length).toBe(2);
  // Another consumer gets the second message of that id, and closes without an outcome.
  const second = createBroker({ driver });
  const interrupted = recorder<Tasks>(() => new Promise(() => {}));
  await second.consume(tasks, interrupted.handler);
  await second.publish(tasks, { n: 3 }, { id: "same" });
  await expect.poll(() => interrupted.messages.length).toBe(1);
  await second.close({ graceMs: 0 });
  release();
  await expect.poll(() => broker.stats(tasks)).toMatchObject({ ready: 0, unacked: 0 });
  expect(messages.map(({ payload }) => payload.n)).toEqual([1, 2, 3]);
});

test("a running handler does not accept the redelivery of another message with the same id", async () => {
  const { driver, faults, broker: other } = setUp();
  const broker = createBroker({ driver });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  const { opened, open: release } = latch();
  const first = recorder<Tasks>(() => opened.then(() => undefined));
  const second = recorder<Tasks>(() => opened.then(() => undefined));
  await broker.consume(tasks, first.handler, { prefetch: 2 });
  await broker.publishMany(
    tasks,
    [1, 2].map((n) => ({ payload: { n }, options: { id: "same" } })),
  );
  await expect.poll(() => first.messages.map(({ payload }) => payload.n)).toEqual([1]);
  // Both messages are redelivered. The other consumer receives the first one, because its broker reconnects first.
  await other.consume(tasks, second.handler);
  faults.dropConnections();
  await expect.poll(() => second.messages.map(({ payload }) => payload.n)).toEqual([1]);
  release();
  await expect.poll(() => other.stats(tasks)).toMatchObject({ ready: 0, unacked: 0 });
  expect(first.messages.map(({ payload }) => payload.n)).toEqual([1, 2]);
});

test("twelve handlers that wait for a blocked broker cause no warning about listeners", async () => {
  const warnings: string[] = [];
  const collect = (warning: Error) => warnings.push(warning.message);
  process.on("warning", collect);
  onTestFinished(() => void process.off("warning", collect));
  const { faults, broker, reported } = setUp({ timeoutMs: 10 });
  const { opened, open: release } = latch();
  const { messages, handler } = recorder<Tasks>(async ({ attempt }) => {
    await opened;
    return attempt === 1 ? retry() : undefined;
  });
  await broker.consume(tasks, handler, { concurrency: 12 });
  await broker.publishMany(tasks, Array(12).fill({ payload: { n: 1 } }));
  await expect.poll(() => messages.length).toBe(12);
  faults.block();
  release();
  // Each handler has tried twice to publish the copy for its retry.
  await expect.poll(() => reported.length).toBeGreaterThanOrEqual(24);
  faults.unblock();
  await expect.poll(() => messages.length).toBe(24);
  expect(warnings).toEqual([]);
});

test("loseAcks: the message is redelivered, and a dedupe store recognizes it", async () => {
  const { faults, broker } = setUp();
  const withoutDedupe = recorder<Tasks>();
  const consumer = await broker.consume(tasks, withoutDedupe.handler);
  faults.loseAcks(2);
  await broker.publish(tasks, { n: 1 }, { id: "a" });
  await expect.poll(() => withoutDedupe.messages.map(({ redelivered }) => redelivered)).toEqual([false, true, true]);
  await consumer.close();
  const withDedupe = recorder<Tasks>();
  await broker.consume(tasks, withDedupe.handler, { dedupe: memoryDedupe() });
  faults.loseAcks();
  await broker.publish(tasks, { n: 2 }, { id: "b" });
  await broker.publish(tasks, { n: 3 }, { id: "c" });
  await expect.poll(() => withDedupe.messages.map(({ id }) => id)).toEqual(["b", "c"]);
  expect(await broker.stats(tasks)).toMatchObject({ ready: 0, dead: 0 });
});

test("returnMessages: the next publishes are UNROUTABLE; copies for retries are not counted", async () => {
  const { faults, broker } = setUp();
  const { messages, handler } = recorder<Tasks>(({ attempt }) => (attempt === 1 ? retry() : undefined));
  await broker.publish(tasks, { n: 1 });
  faults.returnMessages(2);
  await broker.consume(tasks, handler);
  await expect.poll(() => messages.length).toBe(2);
  const results = await broker.publishMany(
    tasks,
    [2, 3, 4].map((n) => ({ payload: { n } })),
  );
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(results[0]).toMatchObject({ reason: { code: "UNROUTABLE", queue: "tasks" } });
});

test("block: publishes wait in order and fail with TIMEOUT after timeoutMs", async () => {
  const { faults, broker } = setUp({ timeoutMs: 50 });
  faults.block();
  const late: unknown = await broker.publish(tasks, { n: 0 }).catch((error: unknown) => error);
  expect(QueueError.is(late, "TIMEOUT") && late.indeterminate).toBe(false);
  expect(await broker.health()).toMatchObject({ status: "degraded", blocked: true });
  const { messages, handler } = recorder<Tasks>();
  await broker.consume(tasks, handler);
  const waiting = [1, 2].map((n) => broker.publish(tasks, { n }));
  faults.unblock();
  await Promise.all([...waiting, broker.publish(tasks, { n: 3 })]);
  await expect.poll(() => messages.map(({ payload }) => payload.n)).toEqual([1, 2, 3]);
  expect(await broker.health()).toMatchObject({ status: "healthy", blocked: false });
});

test("publishMany of 10,000 messages encodes at most 1,000 of them at a time", async () => {
  const { faults, broker } = setUp();
  let encoded = 0;
  const payload = {
    get n() {
      return ++encoded;
    },
  };
  faults.block();
  const publishing = broker.publishMany(tasks, Array(10_000).fill({ payload }));
  expect((await broker.stats(tasks)).ready).toBe(0);
  expect(encoded).toBe(1_000);
  faults.unblock();
  expect((await publishing).filter(({ status }) => status === "fulfilled")).toHaveLength(10_000);
});

test("goAway: calls wait and fail with UNAVAILABLE after timeoutMs", async () => {
  const { faults, broker } = setUp({ timeoutMs: 50 });
  const { messages, handler } = recorder<Tasks>();
  await broker.consume(tasks, handler);
  faults.goAway();
  expect(await broker.health()).toMatchObject({ status: "unhealthy", latencyMs: null });
  const calls = {
    "Publishing message": broker.publish(tasks, { n: 0 }),
    "Calling consume": broker.consume(tasks, handler),
    "Calling stats": broker.stats(tasks),
    "Calling deadLetters": broker.deadLetters(tasks),
    "Calling redrive": broker.redrive(tasks),
    "Calling discard": broker.discard(tasks),
    "Calling purge": broker.purge(tasks),
  };
  const failures = Object.keys(calls).map((subject) => ({
    reason: { code: "UNAVAILABLE", indeterminate: false, message: expect.stringContaining(subject) },
  }));
  expect(await Promise.allSettled(Object.values(calls))).toMatchObject(failures);
  const waiting = broker.publish(tasks, { n: 1 });
  faults.comeBack();
  await waiting;
  await expect.poll(() => messages.map(({ payload }) => payload.n)).toEqual([1]);
  expect((await broker.stats(tasks)).consumers).toBe(1);
});

test("a redrive that fails midway keeps every dead letter that it did not send", async () => {
  const { faults, broker } = setUp();
  const ids = Array.from({ length: 300 }, (_, n) => `m${n}`);
  await broker.publishMany(
    tasks,
    ids.map((id, n) => ({ payload: { n }, options: { id } })),
  );
  const consumer = await broker.consume(tasks, async () => deadLetter("not now"));
  await expect.poll(async () => (await broker.stats(tasks)).dead).toBe(300);
  await consumer.close();
  faults.returnMessages(1);
  await expect(broker.redrive(tasks)).rejects.toMatchObject({ code: "UNROUTABLE" });
  const { dead, ready } = await broker.stats(tasks);
  expect([dead + ready, dead > 200]).toEqual([300, true]);
  expect(await broker.redrive(tasks, { perSecond: undefined })).toBe(dead);
  const { messages, handler } = recorder<Tasks>();
  await broker.consume(tasks, handler);
  await expect.poll(() => messages.map(({ id }) => id).sort()).toEqual(ids.sort());
});

test("a consumer that closed while disconnected receives nothing after the reconnect", async () => {
  const { faults, broker } = setUp();
  const { messages, handler } = recorder<Tasks>();
  const consumer = await broker.consume(tasks, handler);
  faults.goAway();
  await consumer.close();
  faults.comeBack();
  await broker.publish(tasks, { n: 1 });
  expect(await broker.stats(tasks)).toMatchObject({ ready: 1, consumers: 0 });
  expect(messages).toEqual([]);
});

test("waiting calls fail with CLOSED after the grace period of close", async () => {
  const { driver, faults, broker } = setUp();
  faults.block();
  const [lost, kept] = [broker.publish(tasks, { n: 1 }), createBroker({ driver })] as const;
  const settled = Promise.allSettled([lost]);
  await broker.close({ graceMs: 20 });
  expect(await settled).toMatchObject([{ reason: { code: "CLOSED", indeterminate: false } }]);
  const waiting = kept.publish(tasks, { n: 2 });
  const closing = kept.close();
  faults.unblock();
  await Promise.all([waiting, closing]);
});

test.each([0, -1, 1.5, Number.NaN])("a count of %s fails with INVALID_ARGUMENT", (count) => {
  const invalidArgument = expect.objectContaining({ code: "INVALID_ARGUMENT" });
  const { faults } = setUp();
  expect(() => faults.loseAcks(count)).toThrowError(invalidArgument);
  expect(() => faults.returnMessages(count)).toThrowError(invalidArgument);
  expect(() => memoryDriver({ timeoutMs: count })).toThrowError(invalidArgument);
});

test("a relay keeps entries while the broker is unavailable, and publishes them in order after the reconnect", async () => {
  const { faults, broker } = setUp({ timeoutMs: 20 });
  const failed: unknown[] = [];
  const numbers = [1, 2, 3];
  // Returns each entry once, like a store whose claims are valid for a long time.
  const outbox = new FakeOutbox(
    numbers.map((n) => ({ entryId: `e${n}`, id: `m${n}`, queue: "tasks", payload: { n }, headers: {} })),
  );
  faults.goAway();
  const relay = createRelay({ outbox, broker, queues: [tasks], onError: (error) => failed.push(error) });
  onTestFinished(() => relay.close());
  await expect.poll(() => failed.length).toBeGreaterThan(numbers.length);
  expect(failed).toContainEqual(expect.objectContaining({ code: "UNAVAILABLE" }));
  // The relay sets the duration of the claim, and keeps the entries slightly longer.
  expect(outbox.claimMs).toBe(30_000);
  faults.comeBack();
  await expect.poll(() => outbox.acknowledged).toEqual(["e1", "e2", "e3"]);
  const { messages, handler } = recorder<Tasks>();
  await broker.consume(tasks, handler);
  await expect.poll(() => messages.map(({ payload }) => payload.n)).toEqual(numbers);
});

test("a relay repeats an unroutable publish immediately, because the next publish declares the queue", async () => {
  const { faults, broker } = setUp();
  const failed: unknown[] = [];
  // Returns each entry once, like a store whose claims are valid for a long time.
  const outbox = new FakeOutbox(
    [1, 2, 3].map((n) => ({ entryId: `e${n}`, id: `m${n}`, queue: "tasks", payload: { n }, headers: {} })),
  );
  faults.returnMessages(2);
  const relay = createRelay({ outbox, broker, queues: [tasks], onError: (error) => failed.push(error) });
  onTestFinished(() => relay.close());
  await expect.poll(() => outbox.acknowledged.toSorted()).toEqual(["e1", "e2", "e3"]);
  expect(relay.published).toBe(3);
  expect(failed).toEqual(Array(2).fill(expect.objectContaining({ code: "UNROUTABLE" })));
});

test("a relay leaves an entry that is unroutable twice in the outbox, and publishes the others", async () => {
  const { faults, broker } = setUp();
  const failed: unknown[] = [];
  const outbox = new FakeOutbox(
    [1, 2].map((n) => ({ entryId: `e${n}`, id: `m${n}`, queue: "tasks", payload: { n }, headers: {} })),
  );
  faults.returnMessages(3);
  const relay = createRelay({ outbox, broker, queues: [tasks], onError: (error) => failed.push(error) });
  onTestFinished(() => relay.close());
  await expect.poll(() => outbox.acknowledged).toHaveLength(1);
  expect(failed).toHaveLength(3);
  outbox.returnUnacknowledged();
  await expect.poll(() => outbox.acknowledged.toSorted()).toEqual(["e1", "e2"]);
});
