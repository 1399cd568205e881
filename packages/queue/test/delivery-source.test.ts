import { context, trace } from "@opentelemetry/api";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { startTelemetry } from "../../../test/telemetry.js";
import { createBroker, defineQueue, type Message } from "../src/index.js";
import { toMessage } from "../src/lib/active-message.js";
import { accessOf, findAccess } from "../src/lib/broker-access.js";
import { DeliverySource, type SourceDelivery } from "../src/lib/delivery-source.js";
import { memoryDriver } from "../src/memory.js";
import { instrument } from "../src/opentelemetry.js";

const tasks = defineQueue({ name: "tasks", payload: z.object({ n: z.number() }), retryDelaysMs: [] });

function setUp(timeoutMs = 20) {
  const driver = memoryDriver({ timeoutMs });
  const broker = createBroker({ driver });
  onTestFinished(() => broker.close({ graceMs: 0 }));
  const access = accessOf(broker, "the test");
  const deliveries: SourceDelivery[] = [];
  const states: boolean[] = [];
  const errors: unknown[] = [];
  const source = new DeliverySource({
    session: access.session,
    queue: tasks,
    prefetch: 2,
    receive: (delivery) => deliveries.push(delivery),
    onConsuming: (consuming) => states.push(consuming),
    report: (error) => errors.push(error),
  });
  onTestFinished(() => source.close());
  return { faults: driver.faults, broker, access, source, deliveries, states, errors };
}

test("a source waits for an unavailable broker, and reports the failure once", async () => {
  const { faults, broker, source, deliveries, states, errors } = setUp();
  faults.goAway();
  source.resume();
  await expect.poll(() => errors.length).toBe(1);
  expect(errors).toEqual([expect.objectContaining({ code: "UNAVAILABLE", queue: "tasks" })]);
  expect(source.consuming).toBe(false);
  faults.comeBack();
  await broker.publish(tasks, { n: 1 });
  await expect.poll(() => deliveries.length, { timeout: 10_000 }).toBe(1);
  expect(states).toEqual([true]);
  expect(errors).toHaveLength(1);
  deliveries[0]?.acknowledge();
});

test("a source delivers the messages of a lost connection again, and settling a lost delivery has no effect", async () => {
  const { faults, broker, source, deliveries, states } = setUp();
  source.resume();
  await broker.publish(tasks, { n: 1 });
  await expect.poll(() => deliveries.length).toBe(1);
  faults.dropConnections();
  expect(deliveries[0]?.live).toBe(false);
  deliveries[0]?.acknowledge();
  await expect.poll(() => deliveries.length).toBe(2);
  expect(deliveries[1]).toMatchObject({ redelivered: true, live: true });
  expect(states).toEqual([true, false, true]);
  await deliveries[1]?.deadLetter("enough");
  expect(await broker.stats(tasks)).toMatchObject({ ready: 0, unacked: 0, dead: 1 });
});

test("a source that closes while it waits for the broker ends at once and consumes nothing later", async () => {
  const { faults, broker, source, deliveries, states } = setUp(60_000);
  faults.goAway();
  source.resume();
  await source.close();
  faults.comeBack();
  await broker.publish(tasks, { n: 1 });
  await expect.poll(() => broker.stats(tasks)).toMatchObject({ ready: 1, unacked: 0, consumers: 0 });
  expect([deliveries.length, states]).toEqual([0, []]);
});

test("a copy is stored when the broker accepts messages again; the message stays unacknowledged until then", async () => {
  const { faults, broker, source, deliveries, errors } = setUp();
  source.resume();
  await broker.publish(tasks, { n: 1 }, { id: "m" });
  await expect.poll(() => deliveries.length).toBe(1);
  faults.block();
  const moved = deliveries[0]?.deadLetter("unreadable");
  await expect.poll(() => errors.length).toBeGreaterThan(0);
  expect(errors[0]).toMatchObject({ code: "TIMEOUT", messageId: "m" });
  expect(await broker.stats(tasks)).toMatchObject({ unacked: 1, dead: 0 });
  faults.unblock();
  await moved;
  expect(await broker.stats(tasks)).toMatchObject({ unacked: 0, dead: 1 });
});

test.each(["goAway", "block"] as const)(
  "the availability of a broker follows faults.%s, also afterwards",
  async (fault) => {
    const { faults, broker, access } = setUp();
    const changes: boolean[] = [];
    const remove = access.availability.onChange((available) => changes.push(available));
    await broker.stats(tasks);
    expect(access.availability.wasLostSince(0)).toBe(false);
    const before = performance.now();
    faults[fault]();
    expect(access.availability).toMatchObject({ available: false });
    expect(access.availability.wasLostSince(performance.now())).toBe(true);
    if (fault === "block") faults.unblock();
    else faults.comeBack();
    expect(access.availability).toMatchObject({ available: true });
    expect(access.availability.wasLostSince(before)).toBe(true);
    expect(access.availability.wasLostSince(performance.now() + 1)).toBe(false);
    expect(changes).toEqual([false, true]);
    remove();
    faults[fault]();
    expect(changes).toHaveLength(2);
  },
);

test("an instrumented broker and a copy of a broker give access to the same session; another object gives none", () => {
  const { broker, access } = setUp();
  const { tracerProvider, meterProvider } = startTelemetry();
  const instrumented = instrument(broker, { tracerProvider, meterProvider });
  expect(accessOf(instrumented, "the test").session).toBe(access.session);
  expect(accessOf({ ...broker }, "the test").session).toBe(access.session);
  const foreign = { ...broker };
  for (const key of Object.getOwnPropertySymbols(foreign)) Reflect.deleteProperty(foreign, key);
  expect(findAccess(foreign)).toBeNull();
  expect(() => accessOf(foreign, "createWorker")).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining("createWorker") }),
  );
});

test("an instrumented broker runs a handler of `traced` in the trace of its message, and knows that it closes", async () => {
  const { broker } = setUp();
  const { tracerProvider, meterProvider, spans } = startTelemetry();
  const instrumented = instrument(broker, { tracerProvider, meterProvider });
  const access = accessOf(instrumented, "the test");
  const traceId = "11111111111111111111111111111111";
  const envelope = {
    id: "m",
    body: "{}",
    version: 1,
    headers: { traceparent: `00-${traceId}-2222222222222222-01` },
    attempt: 1,
    publishedAt: 0,
    errors: [],
    death: null,
  };
  const message: Message<typeof tasks> = toMessage(
    tasks,
    { envelope, redelivered: false },
    { n: 1 },
    () => new AbortController().signal,
  );
  let inside: string | undefined;
  await access.traced(tasks, async () => {
    inside = trace.getSpan(context.active())?.spanContext().traceId;
  })(message);
  expect(inside).toBe(traceId);
  expect(spans()).toMatchObject([{ name: "process tasks" }]);
  await instrumented.close();
});

test("deadLetter returns false if the message cannot be moved", async () => {
  const { broker, deliveries, source } = setUp();
  await broker.publish(tasks, { n: 1 });
  source.resume();
  await expect.poll(() => deliveries.length).toBe(1);
  await broker.close({ graceMs: 0 });
  expect(await deliveries[0]?.deadLetter("no such job")).toBe(false);
});
