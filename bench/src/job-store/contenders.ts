import { createJobStore, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import BeeQueue from "bee-queue";
import { Job, Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Contender } from "../frame/contest.js";
import { data, document, forEach, newIds, subtitleJob } from "./jobs.js";
import type { BenchRedis } from "./redis.js";

export type Verb = "get" | "create" | "updateStatus" | "delete";

/** Of each verb those who can do it. Each has jobs of its own; what is used up is made before each round. */
export interface Contenders extends AsyncDisposable {
  readonly of: Readonly<Record<Verb, readonly Contender[]>>;
}

export const STORE = "job-store";
export const RAW = "raw ioredis, auto-pipelined";
export const PLAIN = "raw ioredis";
export const BULL = "BullMQ 6";
export const BEE = "bee-queue 2";
export const PYTHON = "the Python way";

const POOL = 10_000;

export async function openContenders(redis: BenchRedis): Promise<Contenders> {
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
  const having = (verb: Verb) => all.flatMap((one) => one[verb] ?? []);
  return {
    of: {
      get: having("get"),
      create: having("create"),
      updateStatus: having("updateStatus"),
      delete: having("delete"),
    },
    [Symbol.asyncDispose]: async () => void (await Promise.all([store.close(), bull.close(), bee.close()])),
  };
}

type Verbs = { readonly [V in Verb]?: Contender };

/** Ids of jobs that `make` has made: as many as a round needs, or for reading the same ones in every round. */
function stock(make: (id: string) => Promise<unknown>) {
  let ids: readonly string[] = [];
  return {
    id: (n: number) => ids[n % ids.length] as string,
    fill: async (count: number) => {
      ids = newIds(count);
      await forEach(ids, make);
    },
    fillOnce: async () => {
      if (ids.length > 0) return;
      ids = newIds(POOL);
      await forEach(ids, make);
    },
    name: async (count: number) => {
      ids = newIds(count);
    },
  };
}

function ours(store: JobStore<typeof subtitleJob>): Verbs {
  const name = STORE;
  const create = (id: string) => store.create(data, { id });
  const moved = stock(async (id) => store.updateStatus((await create(id)).job.id, "downloading"));
  const created = stock(create);
  const going = stock(create);
  const fresh = stock(create);
  return {
    get: {
      name,
      guarantees: "parsed and validated; told apart: absent, expired, unreadable; settles in time",
      prepare: moved.fillOnce,
      work: (n) => store.get(moved.id(n)),
    },
    create: {
      name,
      guarantees: "validated; once, however often repeated; indexes, event, history; settles in time, never later",
      prepare: fresh.name,
      work: (n) => store.create(data, { id: fresh.id(n) }),
    },
    updateStatus: {
      name,
      guarantees: "the same; lifecycle, version and TTL besides, the job comes back",
      prepare: created.fill,
      work: (n) => store.updateStatus(created.id(n), "downloading"),
    },
    delete: {
      name,
      guarantees: "once, however often repeated; indexes, event; settles in time, never later",
      prepare: going.fill,
      work: (n) => store.delete(going.id(n)),
    },
  };
}

function raw(name: string, redis: Redis, prefix: string): Verbs {
  const make = (id: string) => redis.set(prefix + id, document(id, "pending"));
  const pool = stock(make);
  const going = stock(make);
  const fresh = stock(make);
  const kept = stock(make);
  const ready = document(newIds(1)[0] as string, "pending");
  return {
    get: {
      name,
      guarantees: "none; not parsed",
      prepare: pool.fillOnce,
      work: (n) => redis.get(prefix + pool.id(n)),
    },
    create: {
      name,
      guarantees: "none; SET of a ready string",
      prepare: fresh.name,
      work: (n) => redis.set(prefix + fresh.id(n), ready),
    },
    updateStatus: {
      name,
      guarantees: "none; SET of a ready string",
      prepare: kept.fill,
      work: (n) => redis.set(prefix + kept.id(n), ready),
    },
    delete: { name, guarantees: "none; DEL", prepare: going.fill, work: (n) => redis.del(prefix + going.id(n)) },
  };
}

function bullmq(queue: Queue): Verbs {
  const name = BULL;
  const make = (jobId: string) => queue.add("job", data, { jobId });
  const pool = stock(make);
  const going = stock(make);
  const fresh = stock(make);
  const kept = stock(make);
  return {
    get: { name, guarantees: "parsed", prepare: pool.fillOnce, work: (n) => queue.getJob(pool.id(n)) },
    create: {
      name,
      guarantees: "once by id; state, event; queued for a worker",
      prepare: fresh.name,
      work: (n) => queue.add("job", data, { jobId: fresh.id(n) }),
    },
    updateStatus: {
      name,
      guarantees: "`Job.fromId`, then `updateProgress`: exists; event",
      prepare: kept.fill,
      work: async (n) => (await Job.fromId(queue, kept.id(n)))?.updateProgress(50),
    },
    delete: {
      name,
      guarantees: "`remove`: not while a worker has it; event",
      prepare: going.fill,
      work: (n) => queue.remove(going.id(n)),
    },
  };
}

function beeQueue(queue: BeeQueue): Verbs {
  const name = BEE;
  const make = (id: string) => queue.createJob(data).setId(id).save();
  const pool = stock(make);
  const going = stock(make);
  const fresh = stock(make);
  return {
    get: { name, guarantees: "parsed", prepare: pool.fillOnce, work: (n) => queue.getJob(pool.id(n)) },
    create: {
      name,
      guarantees: "once by id; queued for a worker",
      prepare: fresh.name,
      work: (n) => make(fresh.id(n)),
    },
    delete: { name, guarantees: "`removeJob`", prepare: going.fill, work: (n) => queue.removeJob(going.id(n)) },
  };
}

/** The services that this replaces: `SET` then `EXPIRE`, and `GET`, modify, `SET`. */
function python(redis: Redis): Verbs {
  const name = PYTHON;
  const key = (id: string) => `job:python:${id}`;
  const make = async (id: string) => {
    await redis.set(key(id), document(id, "pending"));
    await redis.expire(key(id), 86_400);
  };
  const read = async (id: string) => JSON.parse((await redis.get(key(id))) ?? "null");
  const pool = stock(make);
  const going = stock(make);
  const fresh = stock(make);
  const kept = stock(make);
  return {
    get: { name, guarantees: "none; parsed", prepare: pool.fillOnce, work: (n) => read(pool.id(n)) },
    create: {
      name,
      guarantees: "none; `SET`, then `EXPIRE`",
      prepare: fresh.name,
      work: (n) => make(fresh.id(n)),
    },
    updateStatus: {
      name,
      guarantees: "none, updates get lost; `GET`, `SET`, `EXPIRE`",
      prepare: kept.fill,
      work: async (n) => {
        const job = await read(kept.id(n));
        await redis.set(key(kept.id(n)), JSON.stringify({ ...job, status: "downloading" }));
        await redis.expire(key(kept.id(n)), 86_400);
      },
    },
    delete: { name, guarantees: "none; DEL", prepare: going.fill, work: (n) => redis.del(key(going.id(n))) },
  };
}
