import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { Job, Queue } from "bullmq";
import { Redis } from "ioredis";
import { PAYLOAD_SECRET, task } from "../workload.js";
import type { Library } from "./measure-library.js";

/** Ids of the jobs. All writers change all of them. */
const JOBS = ["job-0", "job-1", "job-2", "job-3"];
const jobFor = (op: string) => JOBS[Number(op.split("-")[2]) % JOBS.length] as string;

/** URLs of the server. */
export interface Urls {
  /** URL of the proxy, which is used during the faults. */
  readonly url: string;
  /** URL without the proxy, to read the result. */
  readonly directUrl: string;
}

const ignore = () => {};

/** `@subtitles/job-store`: changes the status, with the operation as `by`. */
export async function jobStore({ url, directUrl }: Urls): Promise<Library> {
  const open = (redisUrl: string) =>
    createJobStore({ job: task, driver: redisDriver({ url: redisUrl, timeoutMs: 1_000 }), historyLimit: 10_000 });
  const store = open(url);
  for (const id of JOBS) {
    await store.create({ secret: PAYLOAD_SECRET }, { id });
    await store.updateStatus(id, "doing");
  }
  return {
    name: "job-store",
    record: async (op) => void (await store.updateStatus(jobFor(op), "doing", { by: op })),
    async recorded() {
      await using direct = open(directUrl);
      const jobs = await direct.getMany(JOBS);
      return jobs.flatMap((job) => job?.history.flatMap(({ by }) => by ?? []) ?? []);
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** ioredis: reads, changes and writes the record. Default options. */
export async function getModifySet({ url, directUrl }: Urls): Promise<Library> {
  const redis = new Redis(url).on("error", ignore);
  for (const id of JOBS) await redis.set(id, "[]");
  return {
    name: "GET, modify, SET",
    async record(op) {
      const id = jobFor(op);
      const history: string[] = JSON.parse((await redis.get(id)) ?? "[]");
      await redis.set(id, JSON.stringify([...history, op]));
    },
    async recorded() {
      const direct = new Redis(directUrl);
      const texts = await direct.mget(JOBS);
      direct.disconnect();
      return texts.flatMap((text) => JSON.parse(text ?? "[]") as string[]);
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}

/** BullMQ: adds a line to the log of a job, its only change that any client can make at any time. Default options. */
export async function bullMq({ url, directUrl }: Urls): Promise<Library> {
  const queue = new Queue("tasks", { connection: { url } });
  queue.on("error", ignore);
  for (const id of JOBS) await queue.add("task", {}, { jobId: id });
  return {
    name: "BullMQ 6 (job log)",
    record: async (op) => void (await Job.addJobLog(queue, jobFor(op), op)),
    async recorded() {
      const direct = new Queue("tasks", { connection: { url: directUrl } });
      const logs = await Promise.all(JOBS.map((id) => direct.getJobLogs(id)));
      await direct.close();
      return logs.flatMap(({ logs: lines }) => lines);
    },
    async [Symbol.asyncDispose]() {
      await queue.disconnect();
    },
  };
}
