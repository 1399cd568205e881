import { createJobStore, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import BeeQueue from "bee-queue";
import { Job, Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Candidate } from "../harness/measure.js";
import { data, document, forEach, newIds, subtitleJob } from "./jobs.js";
import type { BenchRedis } from "./redis.js";

export type Method = "get" | "create" | "updateStatus" | "delete";

/** Libraries that support each call. Each library has its own jobs. */
export interface Libraries extends AsyncDisposable {
  readonly of: Readonly<Record<Method, readonly Candidate[]>>;
}

export const STORE = "job-store";
export const RAW = "raw ioredis, auto-pipelined";
export const PLAIN = "raw ioredis";
export const BULL = "BullMQ 6";
export const BEE = "bee-queue 2";
export const PYTHON = "Python services";

/** Number of jobs that are read. */
const READ_JOBS = 10_000;

export async function openLibraries(redis: BenchRedis): Promise<Libraries> {
  const store = createJobStore({ job: subtitleJob, driver: redisDriver({ url: redis.url }) });
  const auto = redis.connect({ enableAutoPipelining: true });
  const plain = redis.connect();
  const bull = new Queue("bench", { connection: { url: redis.url } });
  const bee = new BeeQueue("bench", { redis: { url: redis.url }, isWorker: false, getEvents: false, storeJobs: false });
  await Promise.all([bull.waitUntilReady(), bee.ready()]);
  const all = [
    ours(store),
    raw(RAW, auto, "auto:"),
    raw(PLAIN, plain, "plain:"),
    bullmq(bull),
    beeQueue(bee),
    python(plain),
  ];
  const supporting = (method: Method) => all.flatMap((one) => one[method] ?? []);
  return {
    of: {
      get: supporting("get"),
      create: supporting("create"),
      updateStatus: supporting("updateStatus"),
      delete: supporting("delete"),
    },
    [Symbol.asyncDispose]: async () => void (await Promise.all([store.close(), bull.close(), bee.close()])),
  };
}

type Calls = { readonly [V in Method]?: Candidate };

/** Set of job ids. `create` creates the job of an id. */
function jobIds(create: (id: string) => Promise<unknown>) {
  let ids: readonly string[] = [];
  return {
    id: (n: number) => ids[n % ids.length] as string,
    /** Creates new jobs for a round. */
    fill: async (count: number) => {
      ids = newIds(count);
      await forEach(ids, create);
    },
    /** Creates the jobs that every round reads. */
    fillOnce: async () => {
      if (ids.length > 0) return;
      ids = newIds(READ_JOBS);
      await forEach(ids, create);
    },
    /** Generates new ids without jobs. */
    generate: async (count: number) => {
      ids = newIds(count);
    },
  };
}

function ours(store: JobStore<typeof subtitleJob>): Calls {
  const name = STORE;
  const create = (id: string) => store.create(data, { id });
  const moved = jobIds(async (id) => store.updateStatus((await create(id)).job.id, "downloading"));
  const created = jobIds(create);
  const deletable = jobIds(create);
  const fresh = jobIds(create);
  return {
    get: {
      name,
      guarantees: "parsed and validated; distinguishes absent, expired and unreadable; timeout",
      prepare: moved.fillOnce,
      work: (n) => store.get(moved.id(n)),
    },
    create: {
      name,
      guarantees: "validated; idempotent; indexes, event, history; timeout, never applied after it",
      prepare: fresh.generate,
      work: (n) => store.create(data, { id: fresh.id(n) }),
    },
    updateStatus: {
      name,
      guarantees: "as for create; checks lifecycle and version; TTL; returns the job",
      prepare: created.fill,
      work: (n) => store.updateStatus(created.id(n), "downloading"),
    },
    delete: {
      name,
      guarantees: "idempotent; indexes, event; timeout, never applied after it",
      prepare: deletable.fill,
      work: (n) => store.delete(deletable.id(n)),
    },
  };
}

function raw(name: string, redis: Redis, prefix: string): Calls {
  const make = (id: string) => redis.set(prefix + id, document(id, "pending"));
  const pool = jobIds(make);
  const deletable = jobIds(make);
  const fresh = jobIds(make);
  const kept = jobIds(make);
  const prepared = document(newIds(1)[0] as string, "pending");
  return {
    get: {
      name,
      guarantees: "none; not parsed",
      prepare: pool.fillOnce,
      work: (n) => redis.get(prefix + pool.id(n)),
    },
    create: {
      name,
      guarantees: "none; SET of a prepared string",
      prepare: fresh.generate,
      work: (n) => redis.set(prefix + fresh.id(n), prepared),
    },
    updateStatus: {
      name,
      guarantees: "none; SET of a prepared string",
      prepare: kept.fill,
      work: (n) => redis.set(prefix + kept.id(n), prepared),
    },
    delete: {
      name,
      guarantees: "none; DEL",
      prepare: deletable.fill,
      work: (n) => redis.del(prefix + deletable.id(n)),
    },
  };
}

function bullmq(queue: Queue): Calls {
  const name = BULL;
  const make = (jobId: string) => queue.add("job", data, { jobId });
  const pool = jobIds(make);
  const deletable = jobIds(make);
  const fresh = jobIds(make);
  const kept = jobIds(make);
  return {
    get: { name, guarantees: "parsed", prepare: pool.fillOnce, work: (n) => queue.getJob(pool.id(n)) },
    create: {
      name,
      guarantees: "idempotent by id; state, event; queued for a worker",
      prepare: fresh.generate,
      work: (n) => queue.add("job", data, { jobId: fresh.id(n) }),
    },
    updateStatus: {
      name,
      guarantees: "`Job.fromId`, then `updateProgress`: checks existence; event",
      prepare: kept.fill,
      work: async (n) => (await Job.fromId(queue, kept.id(n)))?.updateProgress(50),
    },
    delete: {
      name,
      guarantees: "`remove`: fails while a worker processes the job; event",
      prepare: deletable.fill,
      work: (n) => queue.remove(deletable.id(n)),
    },
  };
}

function beeQueue(queue: BeeQueue): Calls {
  const name = BEE;
  const make = (id: string) => queue.createJob(data).setId(id).save();
  const pool = jobIds(make);
  const deletable = jobIds(make);
  const fresh = jobIds(make);
  return {
    get: { name, guarantees: "parsed", prepare: pool.fillOnce, work: (n) => queue.getJob(pool.id(n)) },
    create: {
      name,
      guarantees: "idempotent by id; queued for a worker",
      prepare: fresh.generate,
      work: (n) => make(fresh.id(n)),
    },
    delete: { name, guarantees: "`removeJob`", prepare: deletable.fill, work: (n) => queue.removeJob(deletable.id(n)) },
  };
}

/** Commands of the Python services that the store replaces: `SET` then `EXPIRE`, and `GET`, modify, `SET`. */
function python(redis: Redis): Calls {
  const name = PYTHON;
  const key = (id: string) => `job:python:${id}`;
  const make = async (id: string) => {
    await redis.set(key(id), document(id, "pending"));
    await redis.expire(key(id), 86_400);
  };
  const read = async (id: string) => JSON.parse((await redis.get(key(id))) ?? "null");
  const pool = jobIds(make);
  const deletable = jobIds(make);
  const fresh = jobIds(make);
  const kept = jobIds(make);
  return {
    get: { name, guarantees: "none; parsed", prepare: pool.fillOnce, work: (n) => read(pool.id(n)) },
    create: {
      name,
      guarantees: "none; `SET`, then `EXPIRE`",
      prepare: fresh.generate,
      work: (n) => make(fresh.id(n)),
    },
    updateStatus: {
      name,
      guarantees: "none, concurrent updates are lost; `GET`, `SET`, `EXPIRE`",
      prepare: kept.fill,
      work: async (n) => {
        const job = await read(kept.id(n));
        await redis.set(key(kept.id(n)), JSON.stringify({ ...job, status: "downloading" }));
        await redis.expire(key(kept.id(n)), 86_400);
      },
    },
    delete: { name, guarantees: "none; DEL", prepare: deletable.fill, work: (n) => redis.del(key(deletable.id(n))) },
  };
}
