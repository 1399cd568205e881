import { trace } from "@opentelemetry/api";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { instrument as instrumentJobs } from "@subtitles/job-store/opentelemetry";
import { subtitleJob } from "@subtitles/job-store/subtitle";
import { createBroker, createRelay, defineQueue, message } from "@subtitles/queue";
import { memoryDriver as messagesInMemory } from "@subtitles/queue/memory";
import { instrument as instrumentQueue } from "@subtitles/queue/opentelemetry";
import { expect, test } from "vitest";
import { z } from "zod";
import { startTelemetry } from "./telemetry.js";

test("one trace contains the request, the outbox, the relay, the broker, the worker and the calls of the worker to the store", async () => {
  const { tracerProvider, spans } = startTelemetry();
  const downloads = defineQueue({ name: "downloads", payload: z.object({ jobId: z.string() }) });
  const store = createJobStore({ job: subtitleJob, driver: instrumentJobs(jobsInMemory()) });
  const broker = instrumentQueue(createBroker({ driver: messagesInMemory() }));
  const relay = createRelay({ outbox: store.outbox, broker, queues: [downloads] });
  await broker.consume(downloads, async ({ payload }) => {
    const job = await store.updateStatus(payload.jobId, "downloading", { by: "downloader" });
    await store.updateStatus(job, "completed", { result: { downloadUrl: "/files/1.srt" } });
  });

  await tracerProvider.getTracer("http").startActiveSpan("POST /subtitles", async (request) => {
    const data = { videoUrl: "https://films.example/1", videoTitle: "Roma", language: "es" };
    await store.create(data, { id: "film-1", outbox: [message(downloads, { jobId: "film-1" })] });
    request.end();
  });
  await store.waitFor("film-1", { until: ["completed"], timeoutMs: 60_000 });
  await relay.close();
  await broker.close();
  await store.close();

  const named = new Map(spans().map((span) => [span.spanContext().spanId, span]));
  const traceId = spans()
    .find(({ name }) => name === "POST /subtitles")
    ?.spanContext().traceId;
  const chain = spans()
    .filter((span) => span.spanContext().traceId === traceId)
    .map((span) => `${named.get(span.parentSpanContext?.spanId ?? "")?.name ?? "start"} → ${span.name}`);
  expect(chain.toSorted()).toEqual(
    [
      "start → POST /subtitles",
      "POST /subtitles → create subtitle",
      "create subtitle → send downloads",
      "send downloads → process downloads",
      "process downloads → updateStatus subtitle",
      "process downloads → updateStatus subtitle",
    ].toSorted(),
  );
  expect(trace.getActiveSpan()).toBeUndefined();
});
