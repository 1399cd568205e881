import { createJobStore, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { type Broker, createRelay, defineQueue, message } from "@subtitles/queue";
import { createWorker } from "@subtitles/queue/worker";
import { Worker as BullWorker, Queue } from "bullmq";
import { z } from "zod";
import { data, forEach, newIds, subtitleJob } from "../job-store/jobs.js";
import { openBroker } from "../queue/libraries.js";

/** Addresses of the servers that all libraries use. */
export interface Servers {
  readonly redis: string;
  readonly rabbitmq: string;
}

/** Way to run jobs. Each has its own process, with its own jobs on the same servers. */
export interface Library {
  readonly name: string;
  /** Guarantees, for the table. */
  readonly guarantees: string;
  open(servers: Servers, concurrency: number): Promise<OpenLibrary>;
}

export interface OpenLibrary extends AsyncDisposable {
  /** Creates jobs that wait for a worker. */
  prepare(count: number): Promise<void>;
  /** Starts to run jobs. Calls `onDone` when the outcome of a job is stored. Returns a function that stops. */
  start(onDone: () => void): Promise<() => Promise<unknown>>;
}

export const BULLMQ = "BullMQ 6, Worker";
export const AHEAD = "createWorker, prefetch 4 × concurrency";
const WORKER = "createWorker, prefetch = concurrency";
export const BY_HAND = "consume + two updateStatus calls";
export const WHOLE_PATH = "outbox → relay → RabbitMQ → createWorker";

const SAFE =
  "a job of a dead or hung worker continues; copies and late messages are skipped; an outage or a lost reply repeats no finished work; history";

export const libraries: readonly Library[] = [
  {
    name: BULLMQ,
    guarantees: "a job of a dead worker continues; a worker that lost its lock can still have side effects; no history",
    open: openBullmq,
  },
  { name: AHEAD, guarantees: SAFE, open: (servers, concurrency) => openWorker(servers, concurrency, 4 * concurrency) },
  { name: WORKER, guarantees: SAFE, open: (servers, concurrency) => openWorker(servers, concurrency, concurrency) },
  {
    name: BY_HAND,
    guarantees:
      "a message is delivered again after a crash, but its job is then in another status and must be repaired; history",
    open: openByHand,
  },
  {
    name: WHOLE_PATH,
    guarantees: `${SAFE}; job and message are stored together, and a message that RabbitMQ lost during the work is sent again`,
    open: openWholePath,
  },
];

/** Outcome of every job. */
const result = { downloadUrl: "https://files.example/a-film.srt" };

const QUEUE = { payload: z.object({ jobId: z.string() }) };

interface Ours extends AsyncDisposable {
  readonly store: JobStore<typeof subtitleJob>;
  readonly broker: Broker;
  readonly queue: ReturnType<typeof defineRequests>;
}

function defineRequests(name: string) {
  return defineQueue({ name, ...QUEUE });
}

/** Opens a store and a broker with a name of their own for each library and concurrency. */
function openOurs({ redis, rabbitmq }: Servers, name: string): Ours {
  const store = createJobStore({ job: subtitleJob, driver: redisDriver({ url: redis, keyPrefix: `${name}:` }) });
  const broker = openBroker(rabbitmq);
  return {
    store,
    broker,
    queue: defineRequests(name),
    async [Symbol.asyncDispose]() {
      await broker.close();
      await store.close();
    },
  };
}

/** Creates jobs, each with a message in the outbox. */
async function createJobs({ store, queue }: Ours, count: number): Promise<void> {
  await forEach(newIds(count), (id) => store.create(data, { id, outbox: [message(queue, { jobId: id })] }));
}

/** Relays all messages of the outbox to RabbitMQ. */
async function relayAll({ store, broker, queue }: Ours): Promise<void> {
  await using _relay = createRelay({ outbox: store.outbox, broker, queues: [queue] });
  while ((await store.outbox.depth()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

function startWorker({ store, broker, queue }: Ours, concurrency: number, prefetch: number, onDone: () => void) {
  return createWorker({
    store,
    broker,
    queue,
    from: "pending",
    working: "downloading",
    concurrency,
    prefetch,
    run: async () => ({ to: "completed", result }),
    onEvent: ({ type }) => {
      if (type === "done") onDone();
    },
  });
}

async function openWorker(servers: Servers, concurrency: number, prefetch: number): Promise<OpenLibrary> {
  const ours = openOurs(servers, `worker-${concurrency}-${prefetch}`);
  return {
    async prepare(count) {
      await createJobs(ours, count);
      await relayAll(ours);
    },
    async start(onDone) {
      const worker = startWorker(ours, concurrency, prefetch, onDone);
      return () => worker.close();
    },
    [Symbol.asyncDispose]: () => ours[Symbol.asyncDispose](),
  };
}

async function openWholePath(servers: Servers, concurrency: number): Promise<OpenLibrary> {
  const ours = openOurs(servers, `path-${concurrency}`);
  return {
    prepare: (count) => createJobs(ours, count),
    async start(onDone) {
      const relay = createRelay({ outbox: ours.store.outbox, broker: ours.broker, queues: [ours.queue] });
      const worker = startWorker(ours, concurrency, 4 * concurrency, onDone);
      return async () => {
        await worker.close();
        await relay.close();
      };
    },
    [Symbol.asyncDispose]: () => ours[Symbol.asyncDispose](),
  };
}

async function openByHand(servers: Servers, concurrency: number): Promise<OpenLibrary> {
  const ours = openOurs(servers, `by-hand-${concurrency}`);
  const { store, broker, queue } = ours;
  return {
    async prepare(count) {
      await createJobs(ours, count);
      await relayAll(ours);
    },
    async start(onDone) {
      const consumer = await broker.consume(
        queue,
        async ({ payload }) => {
          const job = await store.updateStatus(payload.jobId, "downloading");
          await store.updateStatus(job, "completed", { result });
          onDone();
        },
        { concurrency },
      );
      return () => consumer.close();
    },
    [Symbol.asyncDispose]: () => ours[Symbol.asyncDispose](),
  };
}

async function openBullmq({ redis }: Servers, concurrency: number): Promise<OpenLibrary> {
  const name = `bullmq-${concurrency}`;
  const connection = { url: redis };
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  return {
    async prepare(count) {
      await forEach(newIds(count), (jobId) => queue.add("download", data, { jobId }));
    },
    async start(onDone) {
      const worker = new BullWorker(name, async () => result, { connection, concurrency });
      worker.on("completed", onDone);
      return () => worker.close();
    },
    [Symbol.asyncDispose]: () => queue.close(),
  };
}
