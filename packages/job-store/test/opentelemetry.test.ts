import { readFileSync } from "node:fs";
import { SpanStatusCode } from "@opentelemetry/api";
import { describe, expect, test } from "vitest";
import { startTelemetry } from "../../../test/telemetry.js";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { sending } from "../src/lib/contract/sends.js";
import { WITHOUT_JOB } from "../src/lib/store/option-keys.js";
import { memoryDriver } from "../src/memory.js";
import { type InstrumentOptions, instrument } from "../src/opentelemetry.js";

/** Opens an instrumented store with the job "a". */
async function openStore(options: InstrumentOptions = {}) {
  const telemetry = startTelemetry();
  const { tracerProvider, meterProvider } = telemetry;
  const place = memoryDriver();
  const driver = instrument(place, { tracerProvider, meterProvider, ...options });
  const store = createJobStore({ job: report, driver, ttlSeconds: { done: 0 } });
  await store.create({ title: "Q3" }, { id: "a" });
  return { store, place, ...telemetry };
}

describe("spans", () => {
  test("contain the call, the job and the address of the server", async () => {
    const { store, spans } = await openStore();
    await store.updateStatus("a", "working");
    await store.getMany(["a", "b"]);
    expect(spans().map(({ name, attributes }) => ({ name, ...attributes }))).toEqual([
      expect.objectContaining({ name: "create report", "subtitles.job.id": "a", "subtitles.job.status": "waiting" }),
      {
        name: "updateStatus report",
        "db.system.name": "memory",
        "db.collection.name": "report",
        "db.operation.name": "updateStatus",
        "subtitles.job.id": "a",
        "subtitles.job.status": "working",
        "subtitles.job.moved": true,
      },
      expect.objectContaining({ name: "get report", "db.operation.batch.size": 2 }),
    ]);
  });

  test("of a failed call are errors with the code of the call's error", async () => {
    const { store, spans } = await openStore();
    await expect(store.updateStatus("a", "checking")).rejects.toThrow();
    await expect(store.updateProgress("b", { done: 1 })).rejects.toThrow();
    expect(spans().slice(1)).toMatchObject([
      { attributes: { "error.type": "ILLEGAL_TRANSITION" }, status: { code: SpanStatusCode.ERROR } },
      { attributes: { "error.type": "NOT_FOUND" }, status: { code: SpanStatusCode.ERROR } },
    ]);
  });

  test("the deletion of an absent job is not an error, and a duplicate is not a transition", async () => {
    const { store, spans } = await openStore();
    expect(await store.delete("b")).toBe(false);
    await store.updateStatus("a", "waiting");
    expect(spans().at(-2)?.attributes).not.toHaveProperty("error.type");
    expect(spans().at(-1)?.attributes).toMatchObject({ "subtitles.job.moved": false });
  });
});

describe("messages of the outbox", () => {
  const queue = "reports";

  test("contain the trace of the call that stored them", async () => {
    const { store, spans } = await openStore();
    await store.updateStatus("a", "working", { outbox: [{ queue, payload: 1, headers: { tenant: "x" } }] });
    const [entry] = await store.outbox.read();
    const { traceId, spanId } = spans().at(-1)?.spanContext() ?? {};
    expect(entry?.headers).toEqual({ tenant: "x", traceparent: `00-${traceId}-${spanId}-01` });
  });

  test("that a status sends contain the trace of the call that entered it", async () => {
    const { tracerProvider, meterProvider, spans } = startTelemetry();
    const store = createJobStore({
      job: sending,
      driver: instrument(memoryDriver(), { tracerProvider, meterProvider }),
    });
    await store.create({ title: "Q4" }, { id: "a" });
    await store.updateStatus("a", "working");
    const traces = spans().map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
    expect((await store.outbox.read()).map(({ headers }) => headers.traceparent)).toEqual(traces);
  });

  test("keep a trace that they already contain", async () => {
    const { store } = await openStore();
    const traceparent = "00-11111111111111111111111111111111-2222222222222222-01";
    await store.create({ title: "Q4" }, { outbox: [{ queue, payload: 1, headers: { traceparent } }] });
    expect((await store.outbox.read())[0]?.headers).toEqual({ traceparent });
  });
});

describe("metrics", () => {
  test("measure the duration of calls, by operation and by error code", async () => {
    const { store, dataPoints } = await openStore();
    await store.get("a");
    await store.updateStatus("b", "working").catch(() => {});
    const calls = (await dataPoints("db.client.operation.duration")).map(({ attributes, value }) => ({
      operation: attributes["db.operation.name"],
      error: attributes["error.type"],
      count: (value as { count: number }).count,
    }));
    expect(calls).toEqual([
      { operation: "create", error: undefined, count: 1 },
      { operation: "get", error: undefined, count: 1 },
      { operation: "updateStatus", error: "NOT_FOUND", count: 1 },
    ]);
  });

  test("measure the time in a status between two changes once", async () => {
    const { store, dataPoints } = await openStore();
    const { history } = await store.updateStatus("a", "working");
    await store.updateStatus("a", "done");
    await store.updateStatus("a", "done"); // This is a duplicate.
    const [first, ...rest] = await dataPoints("subtitles.job.status.duration");
    expect(first?.attributes).toEqual({
      "subtitles.job.definition": "report",
      "subtitles.job.status": "waiting",
      "subtitles.job.status.next": "working",
    });
    const seconds = (Number(history[1]?.at) - Number(history[0]?.at)) / 1000;
    expect(first?.value).toMatchObject({ count: 1, sum: seconds });
    expect(rest).toMatchObject([{ attributes: { "subtitles.job.status": "working" }, value: { count: 1 } }]);
  });

  test("measure the time in a status, also if the caller of the change does not read the job", async () => {
    const { store, dataPoints } = await openStore();
    await store.updateStatus("a", "working", { by: "worker", ...{ [WITHOUT_JOB]: true } });
    expect(await dataPoints("subtitles.job.status.duration")).toMatchObject([{ value: { count: 1 } }]);
  });

  test("count a transition from a final status as a retry", async () => {
    const { store, dataPoints } = await openStore();
    for (const to of ["failed", "waiting", "working"] as const) await store.updateStatus("a", to);
    expect(await dataPoints("subtitles.job.retries")).toMatchObject([{ value: 1 }]);
  });

  test("read the jobs by status and the messages of the outbox at each export, until the store is closed", async () => {
    const { store, place, dataPoints } = await openStore();
    const message = { queue: "q", payload: 1 };
    await store.updateStatus("a", "working", { outbox: [message, { ...message, delayMs: 60_000 }] });
    const counts = (await dataPoints("subtitles.jobs")).map(({ attributes, value }) => [
      attributes["subtitles.job.status"],
      value,
    ]);
    expect(Object.fromEntries(counts)).toEqual(await store.counts());
    expect(await dataPoints("subtitles.outbox.depth")).toMatchObject([{ value: 1 }]);
    expect(await dataPoints("subtitles.outbox.scheduled")).toMatchObject([{ value: 1 }]);
    expect(await dataPoints("subtitles.outbox.rejected")).toMatchObject([{ value: 0 }]);
    const [oldest] = await dataPoints("subtitles.outbox.age");
    expect(oldest?.value).toBeGreaterThanOrEqual(0);
    await store.close();
    await createJobStore({ job: report, driver: place }).create({ title: "Q4" });
    const afterwards = (await dataPoints("subtitles.jobs")).map(({ value }) => value);
    expect(afterwards).toEqual(counts.map(([, count]) => count));
  });

  test("contain no gauges with `gauges: false`", async () => {
    const { dataPoints } = await openStore({ gauges: false });
    expect(await dataPoints("subtitles.jobs")).toEqual([]);
  });
});

test("a value that is not a driver is rejected immediately", () => {
  expect(() => instrument({} as never)).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("other entries do not load OpenTelemetry", () => {
  for (const entry of ["index", "redis", "memory", "subtitle", "testing"]) {
    expect(loadedBy(`${entry}.js`)).not.toContain("@opentelemetry/api");
  }
  expect(loadedBy("opentelemetry.js")).toContain("@opentelemetry/api");
});

/** Returns all direct and indirect imports of a built file. */
function loadedBy(file: string, seen = new Set<string>()): ReadonlySet<string> {
  const code = readFileSync(new URL(`../dist/${file}`, import.meta.url), "utf8");
  for (const [, name = ""] of code.matchAll(/^(?:import|export)\b[^;]*?["']([^"']+)["'];?$/gm)) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (name.startsWith("./")) loadedBy(name.slice(2), seen);
  }
  return seen;
}
