import { SpanKind, trace } from "@opentelemetry/api";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as memoryStore } from "@subtitles/job-store/memory";
import { instrument as instrumentStore } from "@subtitles/job-store/opentelemetry";
import { expect, test } from "vitest";
import { startTelemetry } from "../../../test/telemetry.js";
import { createBroker, createRelay } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { instrument } from "../src/opentelemetry.js";
import { createWorker, JobFailed, RetryLater } from "../src/worker.js";
import { encodings, films, renderings, requestOf } from "./worker-suite/world.js";

test("a run is a span in the trace of its message, and the messages of its outcome continue the trace", async () => {
  const { tracerProvider, meterProvider, spans, dataPoints } = startTelemetry();
  const driver = instrumentStore(memoryStore(), { tracerProvider, meterProvider, gauges: false });
  const store = createJobStore({ job: films, driver });
  const broker = instrument(createBroker({ driver: memoryDriver() }), { tracerProvider, meterProvider });
  const relay = createRelay({ outbox: store.outbox, broker, queues: [renderings, encodings] });
  const traceIds: (string | undefined)[] = [];
  const worker = createWorker({
    store,
    broker,
    queue: renderings,
    from: "pending",
    working: "rendering",
    heartbeatMs: 100,
    run: async (job) => {
      traceIds.push(trace.getActiveSpan()?.spanContext().traceId);
      if (job.id === "b") throw new JobFailed("no");
      return { to: "encoding", outbox: [{ queue: encodings.name, payload: { jobId: job.id } }] };
    },
  });
  const encoder = createWorker({
    store,
    broker,
    queue: encodings,
    from: "encoding",
    working: "encoding",
    run: async () => {
      traceIds.push(trace.getActiveSpan()?.spanContext().traceId);
      return { to: "done" };
    },
  });
  const traceId = await tracerProvider.getTracer("test").startActiveSpan("request", async (span) => {
    await store.create({ title: "a" }, { id: "a", outbox: [requestOf("a")] });
    span.end();
    return span.spanContext().traceId;
  });
  await expect.poll(async () => (await store.get("a"))?.status).toBe("done");
  expect(traceIds).toEqual([traceId, traceId]);

  await store.create({ title: "b" }, { id: "b", outbox: [requestOf("b")] });
  await expect.poll(async () => (await store.get("b"))?.status).toBe("failed");
  await worker.close();
  await encoder.close();
  await relay.close();
  const processed = spans().filter(({ name }) => name.startsWith("process "));
  expect(processed.map(({ name, kind }) => [name, kind])).toEqual([
    ["process renderings", SpanKind.CONSUMER],
    ["process encodings", SpanKind.CONSUMER],
    ["process renderings", SpanKind.CONSUMER],
  ]);
  const inTrace = spans().filter((span) => span.spanContext().traceId === traceId);
  expect(inTrace.map(({ name }) => name).filter((name) => name.startsWith("renewLeases"))).toEqual([]);
  const outcomes = await dataPoints("subtitles.worker.outcomes");
  const counts = outcomes.map(({ attributes, value }) => [
    attributes["messaging.destination.name"],
    attributes["subtitles.worker.outcome"],
    value,
  ]);
  expect(counts.toSorted()).toEqual([
    ["encodings", "done", 1],
    ["renderings", "done", 1],
    ["renderings", "failed", 1],
  ]);
  expect(await dataPoints("subtitles.message.retries")).toEqual([]);
  await broker.close();
  await store.close();
});

test("a retry and a postponed run stay in the trace of the first message", async () => {
  const { tracerProvider, meterProvider } = startTelemetry();
  const driver = instrumentStore(memoryStore(), { tracerProvider, meterProvider, gauges: false });
  const store = createJobStore({ job: films, driver });
  const broker = instrument(createBroker({ driver: memoryDriver() }), { tracerProvider, meterProvider });
  const queue = { ...renderings, retryDelaysMs: [10] };
  const relay = createRelay({ outbox: store.outbox, broker, queues: [queue] });
  const traceIds: (string | undefined)[] = [];
  const worker = createWorker({
    store,
    broker,
    queue,
    from: "pending",
    working: "rendering",
    run: async () => {
      traceIds.push(trace.getActiveSpan()?.spanContext().traceId);
      if (traceIds.length === 1) throw new Error("broken");
      if (traceIds.length === 2) throw new RetryLater("Later.", { afterMs: 1_000 });
      return { to: "done" };
    },
  });
  const traceId = await tracerProvider.getTracer("test").startActiveSpan("request", async (span) => {
    await store.create({ title: "a" }, { id: "a", outbox: [requestOf("a")] });
    span.end();
    return span.spanContext().traceId;
  });
  await expect.poll(async () => (await store.get("a"))?.status, { timeout: 30_000 }).toBe("done");
  expect(traceIds).toEqual([traceId, traceId, traceId]);
  await worker.close();
  await relay.close();
  await broker.close();
  await store.close();
});
