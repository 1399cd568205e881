import { createJobStore } from "@subtitles/job-store";
import { redisDriver } from "@subtitles/job-store/redis";
import { Job, Queue } from "bullmq";
import { Redis } from "ioredis";
import { PAYLOAD_SECRET, task } from "../subject.js";
import type { Contestant } from "./contest.js";

/** Jobs that all writers change. */
const JOBS = ["job-0", "job-1", "job-2", "job-3"];
const jobFor = (op: string) => JOBS[Number(op.split("-")[2]) % JOBS.length] as string;

/** How contestants reach the server: through what troubles them, and past it to look at the end. */
export interface Ways {
  readonly url: string;
  readonly directUrl: string;
}

const ignore = () => {};

/** This project: a status change, which notes who made it. */
export async function jobStore({ url, directUrl }: Ways): Promise<Contestant> {
  const open = (at: string) =>
    createJobStore({ job: task, driver: redisDriver({ url: at, timeoutMs: 1_000 }), historyLimit: 10_000 });
  const store = open(url);
  for (const id of JOBS) {
    await store.create({ secret: PAYLOAD_SECRET }, { id });
    await store.updateStatus(id, "doing");
  }
  return {
    name: "job-store",
    record: async (op) => void (await store.updateStatus(jobFor(op), "doing", { by: op })),
    async recorded() {
      await using inspecting = open(directUrl);
      const jobs = await inspecting.getMany(JOBS);
      return jobs.flatMap((job) => job?.history.flatMap(({ by }) => by ?? []) ?? []);
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** As it is often written: the record is read, changed and written back. ioredis as it comes. */
export async function getModifySet({ url, directUrl }: Ways): Promise<Contestant> {
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

/** A line in the log of a job, which is what it offers for notes on a job that all can make. Options as they come. */
export async function bullMq({ url, directUrl }: Ways): Promise<Contestant> {
  const queue = new Queue("tasks", { connection: { url } });
  queue.on("error", ignore);
  for (const id of JOBS) await queue.add("task", {}, { jobId: id });
  return {
    name: "BullMQ 6 (job log)",
    record: async (op) => void (await Job.addJobLog(queue, jobFor(op), op)),
    async recorded() {
      const inspecting = new Queue("tasks", { connection: { url: directUrl } });
      const logs = await Promise.all(JOBS.map((id) => inspecting.getJobLogs(id)));
      await inspecting.close();
      return logs.flatMap(({ logs: lines }) => lines);
    },
    async [Symbol.asyncDispose]() {
      await queue.disconnect();
    },
  };
}
