import { readFileSync } from "node:fs";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { startTelemetry } from "../../../test/telemetry.js";
import { createBroker, deadLetter, defineQueue, type Handler } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { instrument } from "../src/opentelemetry.js";

const tasks = defineQueue({ name: "tasks", payload: z.object({ n: z.number() }), retryDelaysMs: [1] });

function openBroker() {
  const telemetry = startTelemetry();
  const { tracerProvider, meterProvider } = telemetry;
  const driver = memoryDriver({ timeoutMs: 50 });
  const broker = instrument(createBroker({ driver }), { tracerProvider, meterProvider, queues: [tasks] });
  return { driver, broker, ...telemetry };
}

test("a message is sent and handled in one trace, with the attributes of the conventions", async () => {
  const { broker, spans } = openBroker();
  let inside: string | undefined;
  await broker.consume(tasks, async () => {
    inside = trace.getActiveSpan()?.spanContext().spanId;
  });
  const { id } = await broker.publish(tasks, { n: 1 }, { headers: { tenant: "x" } });
  await broker.close();
  const common = { "messaging.system": "rabbitmq", "messaging.destination.name": "tasks", "messaging.message.id": id };
  const [send, handled] = spans()
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .reverse();
  expect(send).toMatchObject({
    name: "send tasks",
    kind: SpanKind.PRODUCER,
    attributes: { ...common, "messaging.operation.type": "send" },
  });
  expect(handled).toMatchObject({
    name: "process tasks",
    kind: SpanKind.CONSUMER,
    parentSpanContext: { traceId: send?.spanContext().traceId, spanId: send?.spanContext().spanId },
    attributes: { ...common, "messaging.operation.type": "process", "subtitles.message.outcome": "acknowledged" },
  });
  expect(inside).toBe(handled?.spanContext().spanId);
});

test("the user's headers are delivered unchanged together with the trace", async () => {
  const { broker } = openBroker();
  const headers = await new Promise<Readonly<Record<string, string>>>((resolve) => {
    void broker.consume(tasks, async (message) => resolve(message.headers));
    void broker.publish(tasks, { n: 1 }, { headers: { tenant: "x" } });
  });
  expect(headers).toEqual({ tenant: "x", traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) });
  await broker.close();
});

test("a batch is one span, and a message in it keeps its own trace", async () => {
  const { broker, spans } = openBroker();
  const traceparent = "00-11111111111111111111111111111111-2222222222222222-01";
  await broker.publishMany(tasks, [
    { payload: { n: 1 } },
    { payload: { n: 2 }, options: { headers: { traceparent } } },
  ]);
  const seen: (string | undefined)[] = [];
  await broker.consume(tasks, async ({ headers }) => void seen.push(headers.traceparent));
  await expect.poll(() => seen.length).toBe(2);
  const [batch] = spans();
  expect(batch?.attributes["messaging.batch.message_count"]).toBe(2);
  expect(seen[0]).toContain(batch?.spanContext().spanId);
  expect(seen[1]).toBe(traceparent);
  await broker.close();
});

test("invalid arguments are rejected as by the original broker", async () => {
  const { broker } = openBroker();
  const invalidArgument = expect.objectContaining({ code: "INVALID_ARGUMENT" });
  await expect(broker.publish({} as typeof tasks, { n: 1 })).rejects.toThrowError(invalidArgument);
  await expect(broker.publish(tasks, { n: 1 }, { headers: "none" as never })).rejects.toThrowError(invalidArgument);
  await expect(broker.publishMany(tasks, "many" as never)).rejects.toThrowError(invalidArgument);
  await expect(broker.consume(tasks, "handler" as never)).rejects.toThrowError(invalidArgument);
  await broker.close();
});

test("a failed publish is recorded with its error code", async () => {
  const { broker, driver, spans, dataPoints } = openBroker();
  driver.faults.goAway();
  await expect(broker.publish(tasks, { n: 1 })).rejects.toThrow();
  expect(spans()).toMatchObject([
    { status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": "UNAVAILABLE" } },
  ]);
  expect(await dataPoints("messaging.client.sent.messages")).toEqual([]);
  expect(await dataPoints("messaging.client.operation.duration")).toMatchObject([
    { attributes: { "error.type": "UNAVAILABLE" }, value: { count: 1 } },
  ]);
  driver.faults.comeBack();
  await broker.close();
});

describe("the outcome of a message", () => {
  const fail: Handler<typeof tasks> = async () => {
    throw new TypeError("no");
  };
  const cases: readonly [string, Handler<typeof tasks>, readonly string[], number | undefined][] = [
    ["fails twice", fail, ["retried", "dead-lettered"], undefined],
    ["is dead-lettered", async () => deadLetter("no"), ["dead-lettered"], undefined],
    [
      "exceeds its time limit",
      ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
      ["retried", "dead-lettered"],
      5,
    ],
  ];
  test.each(cases)("that %s is recorded in spans and counters", async (_, handler, outcomes, timeoutMs) => {
    const { broker, spans, dataPoints } = openBroker();
    await broker.consume(tasks, handler, { timeoutMs });
    await broker.publish(tasks, { n: 1 });
    const handled = () => spans().filter(({ name }) => name === "process tasks");
    await expect
      .poll(() => handled().map(({ attributes }) => attributes["subtitles.message.outcome"]))
      .toEqual(outcomes);
    await expect.poll(async () => (await broker.stats(tasks)).dead).toBe(1);
    const retries = outcomes.filter((outcome) => outcome === "retried").length;
    expect(await dataPoints("subtitles.message.retries")).toMatchObject(retries === 0 ? [] : [{ value: retries }]);
    expect(await dataPoints("subtitles.message.dead_letters")).toMatchObject([{ value: 1 }]);
    expect(await dataPoints("messaging.client.consumed.messages")).toMatchObject([{ value: outcomes.length }]);
    const states = (await dataPoints("subtitles.queue.messages")).map(({ attributes, value }) => [
      attributes["subtitles.message.state"],
      value,
    ]);
    expect(Object.fromEntries(states)).toEqual({ ready: 0, unacked: 0, delayed: 0, dead: 1 });
    await broker.close();
  });

  test("a handler that throws because its consumer closed does not count as failed", async () => {
    const { broker, spans } = openBroker();
    let started = false;
    await broker.consume(tasks, ({ signal }) => {
      started = true;
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    await broker.publish(tasks, { n: 1 });
    await expect.poll(() => started).toBe(true);
    await broker.close({ graceMs: 0 });
    expect(spans().at(-1)?.attributes["subtitles.message.outcome"]).toBe("released");
  });
});

test("an object that is not a broker is rejected", () => {
  expect(() => instrument({} as never)).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("no other entry loads OpenTelemetry", () => {
  const imports = (file: string): readonly string[] => {
    const code = readFileSync(new URL(`../dist/${file}`, import.meta.url), "utf8");
    const names = Array.from(code.matchAll(/^(?:import|export)\b[^;]*?["']([^"']+)["'];?$/gm), ([, name = ""]) => name);
    return names.flatMap((name) => (name.startsWith("./") ? imports(name.slice(2)) : [name]));
  };
  for (const entry of ["index", "rabbitmq", "memory", "testing"]) {
    expect(imports(`${entry}.js`)).not.toContain("@opentelemetry/api");
  }
  expect(imports("opentelemetry.js")).toContain("@opentelemetry/api");
});
