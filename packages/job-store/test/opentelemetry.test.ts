import { readFileSync } from "node:fs";
import { SpanStatusCode } from "@opentelemetry/api";
import { describe, expect, test } from "vitest";
import { startTelemetry } from "../../../test/telemetry.js";
import { createJobStore } from "../src/index.js";
import { report } from "../src/lib/contract/definitions.js";
import { memoryDriver } from "../src/memory.js";
import { type InstrumentOptions, instrument } from "../src/opentelemetry.js";

/** An instrumented store with one job, "a". */
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
  test("say which call it was, of which job, and where it went", async () => {
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

  test("of a refused call are errors with the code that the caller gets", async () => {
    const { store, spans } = await openStore();
    await expect(store.updateStatus("a", "checking")).rejects.toThrow();
    await expect(store.updateProgress("b", { done: 1 })).rejects.toThrow();
    expect(spans().slice(1)).toMatchObject([
      { attributes: { "error.type": "ILLEGAL_TRANSITION" }, status: { code: SpanStatusCode.ERROR } },
      { attributes: { "error.type": "NOT_FOUND" }, status: { code: SpanStatusCode.ERROR } },
    ]);
  });

  test("deleting what is not there is no error, and a duplicate is no move", async () => {
    const { store, spans } = await openStore();
    expect(await store.delete("b")).toBe(false);
    await store.updateStatus("a", "waiting");
    expect(spans().at(-2)?.attributes).not.toHaveProperty("error.type");
    expect(spans().at(-1)?.attributes).toMatchObject({ "subtitles.job.moved": false });
  });
});

describe("messages of the outbox", () => {
  const queue = "reports";

  test("carry the trace of the call that stored them", async () => {
    const { store, spans } = await openStore();
    await store.updateStatus("a", "working", { outbox: [{ queue, payload: 1, headers: { tenant: "x" } }] });
    const [entry] = await store.outbox.read();
    const { traceId, spanId } = spans().at(-1)?.spanContext() ?? {};
    expect(entry?.headers).toEqual({ tenant: "x", traceparent: `00-${traceId}-${spanId}-01` });
  });

  test("keep the trace that they were given", async () => {
    const { store } = await openStore();
    const traceparent = "00-11111111111111111111111111111111-2222222222222222-01";
    await store.create({ title: "Q4" }, { outbox: [{ queue, payload: 1, headers: { traceparent } }] });
    expect((await store.outbox.read())[0]?.headers).toEqual({ traceparent });
  });
});

describe("metrics", () => {
  test("calls are timed, by operation and by what went wrong", async () => {
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

  test("time in a status is that between two changes, told once", async () => {
    const { store, dataPoints } = await openStore();
    const { history } = await store.updateStatus("a", "working");
    await store.updateStatus("a", "done");
    await store.updateStatus("a", "done"); // a duplicate
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

  test("leaving a final status is a retry", async () => {
    const { store, dataPoints } = await openStore();
    for (const to of ["failed", "waiting", "working"] as const) await store.updateStatus("a", to);
    expect(await dataPoints("subtitles.job.retries")).toMatchObject([{ value: 1 }]);
  });

  test("jobs by status and what waits in the outbox are asked at each export, until the store closes", async () => {
    const { store, place, dataPoints } = await openStore();
    await store.updateStatus("a", "working", { outbox: [{ queue: "q", payload: 1 }] });
    const counts = (await dataPoints("subtitles.job.count")).map(({ attributes, value }) => [
      attributes["subtitles.job.status"],
      value,
    ]);
    expect(Object.fromEntries(counts)).toEqual(await store.counts());
    expect(await dataPoints("subtitles.outbox.depth")).toMatchObject([{ value: 1 }]);
    expect(await dataPoints("subtitles.outbox.rejected")).toMatchObject([{ value: 0 }]);
    const [oldest] = await dataPoints("subtitles.outbox.age");
    expect(oldest?.value).toBeGreaterThanOrEqual(0);
    await store.close();
    await createJobStore({ job: report, driver: place }).create({ title: "Q4" });
    const afterwards = (await dataPoints("subtitles.job.count")).map(({ value }) => value);
    expect(afterwards).toEqual(counts.map(([, count]) => count));
  });

  test("a process that shall not report the gauges does not", async () => {
    const { dataPoints } = await openStore({ gauges: false });
    expect(await dataPoints("subtitles.job.count")).toEqual([]);
  });
});

test("what is no driver is refused at once", () => {
  expect(() => instrument({} as never)).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("no other entry loads OpenTelemetry", () => {
  for (const entry of ["index", "redis", "memory", "subtitle", "testing"]) {
    expect(loadedBy(`${entry}.js`)).not.toContain("@opentelemetry/api");
  }
  expect(loadedBy("opentelemetry.js")).toContain("@opentelemetry/api");
});

/** Everything that a built file imports, and what that imports in turn. */
function loadedBy(file: string, seen = new Set<string>()): ReadonlySet<string> {
  const code = readFileSync(new URL(`../dist/${file}`, import.meta.url), "utf8");
  for (const [, name = ""] of code.matchAll(/^(?:import|export)\b[^;]*?["']([^"']+)["'];?$/gm)) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (name.startsWith("./")) loadedBy(name.slice(2), seen);
  }
  return seen;
}
