import { randomUUID } from "node:crypto";
import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { PATIENCE } from "../../../test/patience.js";
import { server } from "../../../test/servers/require.js";
import { createBroker, createRelay } from "../src/index.js";
import { memoryDriver } from "../src/memory.js";
import { createWorker, type WorkerEvent } from "../src/worker.js";
import { films, renderings } from "./worker-suite/films.js";

const redis = server("redis");
const url = redis.url ?? "";

const REFUSED = expect.objectContaining({ code: "NEWER_FORMAT", storedFormat: 2, supportedFormat: 1 });

/** Opens a store, a broker, and functions that change the format of the store as a newer version of the package would. */
async function setting() {
  const keyPrefix = `${redis.prefix}${randomUUID()}:`;
  const client = new Redis(url);
  onTestFinished(() => client.disconnect());
  const open = () => {
    const store = createJobStore({ job: films, driver: redisDriver({ client, keyPrefix }) });
    onTestFinished(() => store.close());
    return store;
  };
  const broker = createBroker({ driver: memoryDriver() });
  onTestFinished(() => broker.close());
  const store = open();
  const message = { queue: renderings.name, payload: { jobId: "a" } };
  await store.create({ title: "One" }, { id: "a", outbox: [message] });
  const revision = String(await client.hget(`${keyPrefix}jobs:metadata`, "revision"));
  const change = (format: number, text: string) => client.hset(`${keyPrefix}jobs:metadata`, { format, revision: text });
  return { open, store, broker, upgrade: () => change(2, "newer"), downgrade: () => change(1, revision) };
}

describe.skipIf(redis.url === null)(redis.title("a store of a newer format"), () => {
  test("makes a relay report the error, and publish nothing until it can read the store", async () => {
    const { open, broker, upgrade, downgrade } = await setting();
    await upgrade();
    const errors: unknown[] = [];
    const relay = createRelay({ outbox: open().outbox, broker, queues: [renderings], onError: (e) => errors.push(e) });
    onTestFinished(() => relay.close());
    await vi.waitUntil(() => errors.length > 0, PATIENCE);
    expect(errors[0]).toEqual(REFUSED);
    expect(relay.published).toBe(0);
    await downgrade();
    await vi.waitUntil(() => relay.published === 1, PATIENCE);
  });

  test("stops a relay that runs already at its next claim", async () => {
    const { store, broker, upgrade } = await setting();
    const errors: unknown[] = [];
    const relay = createRelay({ outbox: store.outbox, broker, queues: [renderings], onError: (e) => errors.push(e) });
    onTestFinished(() => relay.close());
    await vi.waitUntil(() => relay.published === 1, PATIENCE);
    await upgrade();
    await vi.waitUntil(() => errors.length > 0, PATIENCE);
    expect(errors[0]).toEqual(REFUSED);
  });

  test("makes a worker wait, and dead-letter no message", async () => {
    const { store, open, broker, upgrade, downgrade } = await setting();
    const events: WorkerEvent[] = [];
    const start = (ofWorker: typeof store) => {
      const worker = createWorker({
        ...{ store: ofWorker, broker, queue: renderings, from: ["pending"], working: "rendering" },
        onEvent: (event) => events.push(event),
        run: async () => ({ to: "done", result: { url: "/" } }),
      });
      onTestFinished(() => worker.close({ graceMs: 0 }));
      return worker;
    };
    const [entry] = await store.outbox.read();
    await upgrade();
    const worker = start(open());
    await broker.publish(renderings, { jobId: "a" }, { id: entry?.id, origin: entry?.origin });
    await vi.waitFor(async () => expect(await broker.stats(renderings)).toMatchObject({ ready: 0 }), PATIENCE);
    await vi.waitUntil(() => events.some(({ type }) => type === "unavailable"), PATIENCE);
    expect(events[0]).toEqual(expect.objectContaining({ type: "unavailable", error: REFUSED }));
    expect(worker.state).toBe("waiting");
    await downgrade();
    await vi.waitFor(async () => expect(await store.get("a")).toMatchObject({ status: "done" }), PATIENCE);
    expect(await broker.stats(renderings)).toMatchObject({ ready: 0, dead: 0 });
    expect(events.map(({ type }) => type)).not.toContain("error");
  });
});
