import { randomUUID } from "node:crypto";
import { createJobStore, defineJob } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker, createRelay, defineQueue } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { createWorker, type WorkerEvent } from "@subtitles/queue/worker";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { deleteQueues, freshPrefix } from "../../packages/queue/test/rabbitmq-queues.js";
import { PATIENCE } from "../patience.js";
import { server } from "../servers/require.js";
import { startPrevious } from "./previous/start.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");
const isAvailable = redis.url !== null && rabbitmq.url !== null;

/** Definition of the present release. In contrast to previous/service.mjs, it has a status and an index field more, and other TTLs. */
const film = defineJob({
  name: "film",
  data: z.object({ title: z.string(), language: z.string().default("en") }),
  result: z.object({ by: z.string() }),
  initial: "waiting",
  statuses: {
    waiting: { next: ["working", "checking", "failed"], sends: [{ queue: "films" }] },
    working: { next: ["working", "checking", "done", "failed"] },
    checking: { next: ["done", "failed"] },
    done: { next: [], final: true, ttlSeconds: 7_200 },
    failed: { next: ["waiting"], final: true, ttlSeconds: 60 },
  },
  index: { title: ({ title }) => title },
});
const films = defineQueue({
  name: "films",
  payload: z.object({ jobId: z.string(), urgent: z.boolean() }),
  version: 2,
  upcast: { 1: (old) => ({ ...z.object({ jobId: z.string() }).parse(old), urgent: false }) },
  retryDelaysMs: [100, 300],
});

async function setting() {
  const keyPrefix = `${redis.prefix}${randomUUID()}:`;
  const place = { redisUrl: redis.url ?? "", keyPrefix, rabbitmqUrl: rabbitmq.url ?? "", queuePrefix: freshPrefix() };
  onTestFinished(() => deleteQueues(place.rabbitmqUrl, place.queuePrefix, [films]));
  const previous = await startPrevious(place);
  const driver = redisDriver({ url: place.redisUrl, keyPrefix, timeoutMs: 60_000 });
  const store = createJobStore({ job: film, driver });
  onTestFinished(() => store.close());
  const broker = createBroker({ driver: rabbitmqDriver({ url: place.rabbitmqUrl, prefix: place.queuePrefix }) });
  onTestFinished(() => broker.close());
  return { previous, store, broker };
}

/** Returns the time in seconds for which a job is kept in its status. */
const keptSeconds = ({
  statusAt,
  expiresAt,
}: {
  readonly statusAt: Date | string;
  readonly expiresAt: Date | string | null;
}) => (expiresAt === null ? 0 : (Number(new Date(expiresAt)) - Number(new Date(statusAt))) / 1_000);

describe.skipIf(!isAvailable)(`${redis.title("Processes of two releases")}${rabbitmq.title("")}`, () => {
  test("read, list, count and change the jobs of each other, with their own TTLs, statuses and fields", async () => {
    const { previous, store } = await setting();
    await previous("create", "old", "Roma");
    await store.create({ title: "Solaris" }, { id: "new" });
    expect(await previous("get", "new")).toMatchObject({ data: { title: "Solaris" }, status: "waiting" });
    expect(await store.get("old")).toMatchObject({ data: { title: "Roma", language: "en" } });
    expect(await previous("counts")).toMatchObject({ waiting: 2 });

    // Each release sets its own TTL. Both find jobs with either.
    await previous("updateStatus", "new", "failed");
    await store.updateStatus("old", "failed");
    const [newJob, oldJob] = await store.getMany(["new", "old"]);
    expect([newJob, oldJob].map((job) => job && keptSeconds(job))).toEqual([3_600, 60]);
    expect((await store.list({ status: "failed" })).items).toHaveLength(2);
    expect(await previous("counts")).toMatchObject({ waiting: 0, failed: 2 });

    // The previous release keeps the value of a field that it does not know, and stores none for its own jobs.
    const find = async (title: string) => (await store.list({ where: { title } })).items.map(({ id }) => id);
    expect([await find("Solaris"), await find("Roma")]).toEqual([["new"], []]);
    expect(await store.audit({ repair: true })).toMatchObject({ missingFromIndex: 1, staleInIndex: 0, repaired: 1 });
    expect(await find("Roma")).toEqual(["old"]);

    // The previous release cannot read a job in a status that it does not know. It does not change the job either.
    await previous("updateStatus", "new", "waiting");
    await store.updateStatus("new", "checking");
    await expect(previous("get", "new")).rejects.toMatchObject({ code: "UNREADABLE_RECORD" });
    expect(await previous("list")).toMatchObject({ items: [{ id: "old" }], unreadable: [{ id: "new" }] });
    await expect(previous("updateStatus", "new", "done")).rejects.toMatchObject({ code: "ILLEGAL_TRANSITION" });
    expect(await store.updateStatus("new", "done", { result: { by: "present" } })).toMatchObject({ version: 5 });
    expect(await previous("get", "new")).toMatchObject({ status: "done", result: { by: "present" } });
    expect(await store.audit()).toMatchObject({ jobs: 2, missingFromIndex: 0, staleInIndex: 0, unreadable: 0 });
    await previous("close");
  });

  test("share a queue: each job runs once, and a message of the newer version waits for the newer worker", async () => {
    const { previous, store, broker } = await setting();
    // The previous release declares the queue, and handles messages of version 1.
    await previous("startRelay");
    await previous("startWorker");
    await previous("create", "first", "Roma");
    await vi.waitFor(async () => expect(await store.get("first")).toMatchObject({ status: "done" }), PATIENCE);
    await store.create({ title: "Solaris" }, { id: "early" });
    await vi.waitFor(async () => expect(await store.get("early")).toMatchObject({ status: "done" }), PATIENCE);
    // Only the previous worker consumes the queue. It postpones the message.
    await broker.publish(films, { jobId: "late", urgent: true });

    const events: WorkerEvent[] = [];
    const worker = createWorker({
      ...{ store, broker, queue: films, from: ["waiting"], working: "working", concurrency: 2 },
      onEvent: (event) => events.push(event),
      run: async (_, { message }) => ({ to: "done", result: { by: `present ${message.payload.urgent}` } }),
    });
    onTestFinished(() => worker.close({ graceMs: 0 }));
    const relay = createRelay({ outbox: store.outbox, broker, queues: [films] });
    onTestFinished(() => relay.close());
    const ids = Array.from({ length: 20 }, (_, n) => [`old-${n}`, `new-${n}`]).flat();
    await Promise.all(
      ids.map((id) => (id.startsWith("old") ? previous("create", id, id) : store.create({ title: id }, { id }))),
    );
    // The present relay publishes messages of the newer version. They wait as long as the previous worker receives them.
    await previous("close");
    await vi.waitFor(async () => expect(await store.counts()).toMatchObject({ done: 42 }), PATIENCE);
    // A job that the previous worker has claimed and not started is claimed again, and this is not another attempt.
    for (const job of await store.getMany(ids)) {
      expect(job?.attempt).toBe(1);
      expect(job?.history.filter(({ to }) => to === "done")).toHaveLength(1);
    }

    // The message without a job is acknowledged by the worker that can read it.
    await vi.waitUntil(() => events.some(({ type, jobId }) => type === "skipped" && jobId === "late"), PATIENCE);
    await vi.waitFor(async () => expect(await broker.stats(films)).toMatchObject({ ready: 0, dead: 0 }), PATIENCE);
    expect(await store.audit()).toMatchObject({ jobs: 42, unreadable: 0 });
  });
});
