import { createJobStore, type JobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { data, document, forEach, newIds, subtitleJob } from "./jobs.js";
import type { BenchRedis } from "./redis.js";

/** Stores of several libraries with the same number of jobs, and the memory that they use. */
export interface Datasets extends AsyncDisposable {
  readonly store: JobStore<typeof subtitleJob>;
  readonly bull: Queue;
  readonly raw: Redis;
  /** Bytes per job in job-store, where each job was moved once, and in BullMQ, which stores no history. */
  readonly bytes: { readonly store: number; readonly bull: number };
}

/** Database of the Python services. They read every key of their database. */
const PYTHON_DATABASE = 1;

export async function fillDatasets(redis: BenchRedis, count: number): Promise<Datasets> {
  await redis.admin.flushall();
  const store = createJobStore({ job: subtitleJob, driver: redisDriver({ url: redis.url }) });
  const bull = new Queue("bench", { connection: { url: redis.url } });
  await Promise.all([store.counts(), bull.waitUntilReady()]);
  const [empty, ids] = [await redis.memory(), newIds(count)];
  await forEach(ids, (id) => store.create(data, { id }));
  await forEach(ids, (id) => store.updateStatus(id, "downloading"));
  const between = await redis.memory();
  await forEach(inThousands(ids), (some) =>
    bull.addBulk(some.map((jobId) => ({ name: "job", data, opts: { jobId } }))),
  );
  const filled = await redis.memory();
  return {
    store,
    bull,
    raw: redis.connect(),
    bytes: { store: (between - empty) / count, bull: (filled - between) / count },
    [Symbol.asyncDispose]: async () => void (await Promise.all([store.close(), bull.close()])),
  };
}

/** Creates jobs in the format of the Python services, in an empty database. */
export async function fillPython(redis: BenchRedis, count: number): Promise<Redis> {
  const client = redis.connect();
  await client.select(PYTHON_DATABASE);
  await forEach(newIds(count), (id) => client.set(`job:${id}`, document(id, "downloading")));
  return client;
}

function inThousands<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / 1000) }, (_, n) => all.slice(n * 1000, n * 1000 + 1000));
}
