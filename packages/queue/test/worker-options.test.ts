import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as memoryStore } from "@subtitles/job-store/memory";
import { redisDriver } from "@subtitles/job-store/redis";
import { afterAll, afterEach, expect, test } from "vitest";
import { createBroker } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { createWorker, type Worker, type WorkerEvent } from "../src/worker.js";
import { films, renderings } from "./worker-suite/world.js";

const store = createJobStore({ job: films, driver: memoryStore() });
// A store connects in the background.
const sharded = createJobStore({
  job: films,
  driver: redisDriver({ cluster: [{ host: "127.0.0.1", port: 1 }], shards: 2 }),
});
const broker = createBroker({ driver: memoryDriver() });
const valid = {
  store,
  broker,
  queue: renderings,
  from: "pending",
  working: "rendering",
  run: async () => ({ to: "done" }) as const,
} as const;
const workers: Worker[] = [];

/** Starts a worker with options that the compiler may refuse. */
function start(options: object): Worker {
  const worker = createWorker({ ...valid, ...options } as typeof valid);
  workers.push(worker);
  return worker;
}

afterAll(() => sharded.close());
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.close();
});

const refused: readonly (readonly [string, object, string])[] = [
  ["no store", { store: undefined }, "@subtitles/job-store"],
  ["a broker of another kind", { broker: {} }, "createBroker"],
  ["a queue of another kind", { queue: "renderings" }, "defineQueue"],
  ["no `run`", { run: undefined }, "`run`"],
  ["a `ready` that is no function", { ready: true }, "`ready`"],
  ["a `jobId` that is no function", { jobId: "a" }, "`jobId`"],
  ["an `onEvent` that is no function", { onEvent: [] }, "`onEvent`"],
  ["an unknown option", { concurency: 5 }, '"concurency"'],
  ["a `working` that is unknown", { working: "renderin" }, '"renderin"'],
  ["a `working` that does not list itself", { working: "waiting" }, "list itself"],
  ["a `working` that is final", { working: "done" }, "not be final"],
  ["a `from` that does not lead to `working`", { from: "encoding" }, '"encoding"'],
  ["a `from` that is final", { from: ["pending", "failed"] }, '"failed"'],
  ["a `from` that is unknown", { from: ["nowhere"] }, '"nowhere"'],
  ["an empty `from`", { from: [] }, "at least one"],
  ["a `failed` that is not final", { failed: "waiting" }, '"waiting"'],
  ["a `failed` that is unknown", { failed: "broken" }, '"broken"'],
  ["a concurrency of 0", { concurrency: 0 }, "`concurrency`"],
  ["a concurrency above the maximum of AMQP", { concurrency: 65_536 }, "`concurrency`"],
  ["a prefetch below the concurrency", { concurrency: 4, prefetch: 3 }, "`prefetch`"],
  ["a time limit of 0", { timeoutMs: 0 }, "`timeoutMs`"],
  ["a heartbeat that is too short", { heartbeatMs: 99 }, "`heartbeatMs`"],
  ["a heartbeat that is too long", { heartbeatMs: 600_001 }, "`heartbeatMs`"],
  ["a search that is too frequent", { recoverEveryMs: 999 }, "`recoverEveryMs`"],
  ["an empty `by`", { by: "" }, "`by`"],
  ["a long `by`", { by: "b".repeat(256) }, "`by`"],
  ["a limit that is no object", { limit: 3 }, "`limit`"],
  ["a limit without a maximum", { limit: { field: "studio" } }, "`limit.max`"],
  ["a limit of 0", { limit: { field: "studio", max: 0 } }, "`limit.max`"],
  ["a limit on a field that is not indexed", { limit: { field: "title", max: 3 } }, '"title"'],
  ["a limit with an unknown key", { limit: { field: "studio", max: 3, maximum: 3 } }, '"maximum"'],
  ["a limit on a sharded store", { store: sharded, limit: { field: "studio", max: 3 } }, "sharded"],
  ["an empty `version`", { version: "" }, "`version`"],
  ["a `version` that is no text", { version: 7 }, "`version`"],
];
test.each(refused)("createWorker refuses %s", (_, options, message) => {
  expect(() => start(options)).toThrowError(
    expect.objectContaining({
      name: "QueueError",
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(message),
    }),
  );
});

test("createWorker accepts the limits of its options", async () => {
  start({ concurrency: 65_535, prefetch: 65_535, timeoutMs: 1, heartbeatMs: 100, recoverEveryMs: 0 });
  start({ heartbeatMs: 600_000, recoverEveryMs: 86_400_000, from: ["pending", "waiting", "rendering"], by: "b" });
});

test("a worker writes its name into the history: by default queue, host and process", async () => {
  start({});
  await broker.publish(renderings, { jobId: (await store.create({ title: "a" }, { id: "a" })).job.id });
  await expect.poll(async () => (await store.get("a"))?.status).toBe("done");
  const names = (await store.get("a"))?.history.slice(1).map(({ by }) => by);
  expect(names).toEqual([expect.stringMatching(/^renderings@.+\/\d+$/), names?.[0]]);
});

test("a worker whose working status has a TTL reports this once at the start", async () => {
  const { statuses } = films;
  const job = { ...films, statuses: { ...statuses, rendering: { ...statuses.rendering, ttlSeconds: 60 } } };
  const events: WorkerEvent[] = [];
  const expiring = createJobStore({ job, driver: memoryStore() });
  start({ store: expiring, onEvent: (event: WorkerEvent) => events.push(event) });
  expect(events).toEqual([{ type: "error", message: expect.stringContaining("has a TTL") }]);
});

test("a run whose process was blocked for longer than a heartbeat is reported, and its outcome is stored", async () => {
  const events: WorkerEvent[] = [];
  start({
    heartbeatMs: 100,
    onEvent: (event: WorkerEvent) => events.push(event),
    run: async () => {
      const end = performance.now() + 1_000;
      while (performance.now() < end);
      return { to: "done" };
    },
  });
  await store.create({ title: "b" }, { id: "b" });
  await broker.publish(renderings, { jobId: "b" });
  await expect.poll(() => events.map(({ type }) => type)).toContain("blocked");
  await expect.poll(async () => (await store.get("b"))?.status).toBe("done");
  expect(events.find(({ type }) => type === "blocked")?.blockedMs).toBeGreaterThan(500);
});
