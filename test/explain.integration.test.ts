import { randomUUID } from "node:crypto";
import { createJobStore, defineJob, type Explanation } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { createBroker, createRelay, defineQueue, message } from "@subtitles/queue";
import { rabbitmqDriver } from "@subtitles/queue/rabbitmq";
import { createWorker, type WorkerEvent } from "@subtitles/queue/worker";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { runHere } from "../packages/job-store/test/run-cli.js";
import { deleteQueues, freshPrefix } from "../packages/queue/test/rabbitmq-queues.js";
import { PATIENCE } from "./patience.js";
import { server } from "./servers/require.js";

const redis = server("redis");
const rabbitmq = server("rabbitmq");
const rabbitmqUrl = rabbitmq.url ?? "";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const film = defineJob({
  name: "film",
  data: z.object({ title: z.string() }),
  initial: "pending",
  statuses: {
    pending: { next: ["rendering", "reviewing", "failed"] },
    rendering: { next: ["rendering", "done", "failed"] },
    reviewing: { next: ["done", "failed"], timeoutSeconds: 1, timeoutTo: "failed" },
    done: { next: [], final: true },
    failed: { next: ["pending"], final: true },
  },
});
const renderings = defineQueue({
  name: "renderings",
  payload: z.object({ jobId: z.string() }),
  retryDelaysMs: [HOUR],
});
const letters = defineQueue({ name: "letters", payload: z.object({}) });

const skipped = redis.url === null ? redis : rabbitmq;

describe.skipIf(redis.url === null || rabbitmq.url === null)(skipped.title("explain on Redis and RabbitMQ"), () => {
  /** Opens a store and a broker. No relay and no worker run yet. */
  function openSystem() {
    const redisUrl = redis.url ?? "";
    const keyPrefix = `${redis.prefix}explain-${randomUUID()}:`;
    const openStore = (options: { readonly timeouts?: boolean } = {}) => {
      const store = createJobStore({
        job: film,
        driver: redisDriver({ url: redisUrl, keyPrefix, timeoutMs: MINUTE }),
        ...options,
      });
      onTestFinished(() => store.close());
      return store;
    };
    const store = openStore({ timeouts: false });
    const prefix = freshPrefix();
    onTestFinished(() => deleteQueues(rabbitmqUrl, prefix, [renderings, letters]));
    const broker = createBroker({ driver: rabbitmqDriver({ url: rabbitmqUrl, prefix, timeoutMs: MINUTE }) });
    onTestFinished(() => broker.close({ graceMs: 0 }));
    const client = new Redis(redisUrl, { keyPrefix });
    onTestFinished(() => void client.disconnect());

    const startRelay = () => {
      const relay = createRelay({ outbox: store.outbox, broker, queues: [renderings] });
      onTestFinished(() => relay.close());
      return relay;
    };
    /** Starts a worker, and waits until the store knows it. */
    const startWorker = async (run: () => Promise<void> = async () => {}) => {
      const events: WorkerEvent[] = [];
      const worker = createWorker({
        store,
        broker,
        queue: renderings,
        from: "pending",
        working: "rendering",
        by: "renderer-1",
        heartbeatMs: 500,
        onEvent: (event) => events.push(event),
        run: async () => {
          await run();
          return { to: "done" };
        },
      });
      onTestFinished(() => worker.close({ graceMs: 0 }));
      await vi.waitFor(async () => expect(await store.workers()).toHaveLength(1), PATIENCE);
      return worker;
    };
    const request = (queue: typeof renderings | typeof letters = renderings, options: { delayMs?: number } = {}) =>
      store.create({ title: "Roma" }, { id: "a", outbox: [message(queue, { jobId: "a" }, options)] });
    /** Waits until the job has these reasons, and returns the first one. */
    const explained = (first: Explanation["code"], ...others: Explanation["code"][]) =>
      vi.waitFor(async () => {
        const reasons = (await store.explain("a")) ?? [];
        expect(reasons.map(({ code }) => code)).toEqual([first, ...others]);
        return reasons[0] ?? expect.fail("no reason");
      }, PATIENCE);
    const needsNone = () => vi.waitFor(async () => expect(await store.explain("a")).toEqual([]), PATIENCE);
    /** Runs a command that the text of a fix contains. */
    const runFix = async ({ fix }: Explanation, command: string, ...more: readonly string[]) => {
      expect(fix).toContain(`job-store ${command}`);
      const env = { REDIS_URL: redisUrl, REDIS_KEY_PREFIX: keyPrefix };
      expect(await runHere([...command.split(" "), ...more], env)).toMatchObject({ code: 0 });
    };
    const ends = (status: string) =>
      vi.waitFor(async () => expect((await store.get("a"))?.status).toBe(status), PATIENCE);
    return { store, openStore, broker, client, startRelay, startWorker, request, explained, needsNone, runFix, ends };
  }

  test("UNREADABLE: another program has overwritten the record", async () => {
    const { client, store, request, explained, runFix } = openSystem();
    await request();
    await client.set("job:a", "{}");
    const reason = await explained("UNREADABLE");
    expect(reason.text).toBe("The record of job a cannot be read: its value is not a job record");
    await runFix(reason, "delete a", "--yes");
    expect(await store.explain("a")).toBeNull();
  });

  test("REJECTED: the relay does not know the queue", async () => {
    const { startRelay, startWorker, request, explained, needsNone, runFix } = openSystem();
    startRelay();
    await request(letters);
    const reason = await explained("REJECTED", "NO_WORKER");
    expect(reason.text).toMatch(/^A relay rejected the message for the queue "letters": .*letters/);
    const [, entryId = ""] = /outbox requeue (\d+-\d+)\./.exec(reason.fix ?? "") ?? [];
    await runFix(reason, `outbox drop ${entryId}`, "--yes");
    await startWorker();
    await needsNone();
  });

  test("NO_RELAY: the relay is stopped", async () => {
    const { client, startRelay, startWorker, request, explained, needsNone, ends } = openSystem();
    await startWorker();
    await request();
    // Stores the entry again, with an earlier time.
    const [entry] = await client.xrange("jobs:outbox", "-", "+");
    const [id, fields] = entry ?? expect.fail("no entry");
    const earlier = Number(id.split("-")[0]) - 2 * MINUTE;
    await client.del("jobs:outbox");
    await client.xadd("jobs:outbox", `${earlier}-0`, ...fields);
    const { text, fix } = await explained("NO_RELAY");
    expect(text).toBe(
      `The message for the queue "renderings" has waited in the outbox since ${new Date(earlier).toISOString()}, and no relay has claimed it.`,
    );
    expect(fix).toContain("createRelay");
    startRelay();
    await ends("done");
    await needsNone();
  });

  test("SCHEDULED: the message is delayed", async () => {
    const { startRelay, startWorker, request, explained, runFix, ends } = openSystem();
    startRelay();
    await startWorker();
    const { job } = await request(renderings, { delayMs: HOUR });
    const reason = await explained("SCHEDULED");
    const due = new Date(job.createdAt.getTime() + HOUR).toISOString();
    expect(reason.text).toBe(`A message for the queue "renderings" is due at ${due}.`);
    const [, entryId = ""] = /run-now (0-\d+)$/.exec(reason.fix ?? "") ?? [];
    await runFix(reason, `outbox run-now ${entryId}`);
    await ends("done");
  });

  test("PAUSED: an operator has paused the queue", async () => {
    const { store, startRelay, startWorker, request, explained, runFix, ends } = openSystem();
    startRelay();
    const worker = await startWorker();
    await store.pauseQueue("renderings", { reason: "The disk is full.", by: "ann" });
    await vi.waitUntil(() => worker.state === "paused", PATIENCE);
    await request();
    const reason = await explained("PAUSED");
    expect(reason.text).toMatch(
      /^The queue "renderings" is paused since \S+Z until it is resumed, by ann\. Reason: The disk is full\.$/,
    );
    await runFix(reason, "resume renderings");
    await ends("done");
  });

  test("NO_WORKER: the last worker has stopped", async () => {
    const { broker, startRelay, startWorker, request, explained, ends } = openSystem();
    startRelay();
    await (await startWorker()).close();
    await request();
    await vi.waitFor(async () => expect(await broker.stats(renderings)).toMatchObject({ ready: 1 }), PATIENCE);
    const { text, fix } = await explained("NO_WORKER");
    expect(text).toBe('No live worker consumes the queue "renderings".');
    expect(fix).toContain("Start a worker for this queue");
    await startWorker();
    await ends("done");
  });

  test("LEASED: a worker runs the job, and then the job waits for a retry", async () => {
    const { startRelay, startWorker, request, explained, needsNone, runFix, ends } = openSystem();
    startRelay();
    const attempts: { fail(error: Error): void; succeed(): void }[] = [];
    await startWorker(() => new Promise((succeed, fail) => void attempts.push({ succeed, fail })));
    await request();
    await vi.waitUntil(() => attempts.length === 1, PATIENCE);
    const running = await explained("LEASED");
    expect(running).toMatchObject({
      text: expect.stringMatching(/^A worker \(renderer-1\) runs the job since \S+Z\. Its lease ends at \S+Z, unless/),
      fix: null,
    });
    attempts[0]?.fail(new Error("no ink"));
    await vi.waitFor(async () => {
      const { text } = await explained("LEASED");
      expect(text).toMatch(/^The job waits until \S+Z for a retry, or because it was postponed\. Reason: .*no ink/);
    }, PATIENCE);
    await runFix(await explained("LEASED"), "outbox run-now --job a");
    await vi.waitUntil(() => attempts.length === 2, PATIENCE);
    attempts[1]?.succeed();
    await ends("done");
    await needsNone();
  });

  test("OVERDUE: no process enforces the timeout", async () => {
    const { store, openStore, request, explained, ends } = openSystem();
    await request();
    const job = await store.updateStatus("a", "reviewing");
    await store.outbox.ack((await store.outbox.read()).map(({ entryId }) => entryId));
    const at = new Date(job.statusAt.getTime() - 2 * MINUTE);
    await store.save({ ...job, createdAt: at, statusAt: at, updatedAt: at, history: [] });
    const { text, fix } = await explained("OVERDUE");
    const end = new Date(at.getTime() + 1000).toISOString();
    expect(text).toBe(
      `The timeout of the status "reviewing" passed at ${end}, and the job has not changed to "failed".`,
    );
    expect(fix).toContain("without `timeouts: false`");
    await openStore().counts();
    await ends("failed");
  });

  test("NO_MESSAGE: the message was purged from RabbitMQ", async () => {
    const { store, broker, startRelay, startWorker, request, explained, needsNone, runFix, ends } = openSystem();
    startRelay();
    const { job } = await request();
    await vi.waitFor(async () => expect(await broker.stats(renderings)).toMatchObject({ ready: 1 }), PATIENCE);
    await vi.waitFor(async () => expect(await store.outbox.depth()).toBe(0), PATIENCE);
    const acknowledgedBy = Date.now();
    await broker.purge(renderings);
    await startWorker();
    const at = new Date(job.statusAt.getTime() - 2 * MINUTE);
    await store.save({ ...job, createdAt: at, statusAt: at, updatedAt: at, history: [] });
    const reason = await explained("NO_MESSAGE");
    const [, since, published = ""] =
      /^The job has been in "pending" since (\S+Z), without a lease, a timeout or a message in the outbox\. A message can still be in RabbitMQ: the last one was published at (\S+Z)\.$/.exec(
        reason.text,
      ) ?? [];
    expect(since).toBe(at.toISOString());
    // The time is known to the second.
    expect(Date.parse(published)).toBeGreaterThan(job.createdAt.getTime() - 1000);
    expect(Date.parse(published)).toBeLessThanOrEqual(acknowledgedBy + 1000);
    expect(reason.fix).toContain("dead-letters list --queue renderings");
    const payload = JSON.stringify({ jobId: "{id}" });
    await runFix(reason, "set-status a pending --force", "--queue", "renderings", "--payload", payload);
    await ends("done");
    await needsNone();
  });
});
