import { z } from "zod";
import { readSettings } from "../../../contracts/settings.js";

// The connections need more settings than those of the templates: several addresses of RabbitMQ, and times to live.

/** Reads environment variables for a main file. If they are wrong, it prints the reason and ends the process. */
export function envOrExit<S extends z.ZodRawShape>(shape: S) {
  try {
    return readSettings(shape);
  } catch (error) {
    return exitWith(error);
  }
}

/** Prints the error's message and ends the process. This is for errors that only the user of the program can fix. */
export function exitWith(error: unknown): never {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

const seconds = z
  .string()
  .regex(/^\d{1,10}$/)
  .optional();
const ttl = (status: string) =>
  seconds.describe(`a number of seconds, for which ${status} jobs are kept (0: without a limit)`);

/** Settings of the connections to Redis and RabbitMQ. */
export const connectionEnv = {
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .describe("the address of the Redis that stores the jobs, such as redis://localhost:6379"),
  REDIS_KEY_PREFIX: z.string().default("").describe("the beginning of every key, such as films:"),
  REDIS_JOB_TTL_COMPLETED: ttl("completed"),
  REDIS_JOB_TTL_FAILED: ttl("failed"),
  REDIS_JOB_TTL_ACTIVE: ttl("active"),
  RABBITMQ_URL: z
    .string()
    .transform((urls) => urls.split(","))
    .pipe(z.array(z.url({ protocol: /^amqps?$/ })))
    .describe("the address of RabbitMQ, such as amqp://localhost:5672, or several separated by commas"),
  RABBITMQ_PREFIX: z.string().default("").describe("the beginning of every queue name, such as films."),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("one of trace, debug, info, warn, error, fatal, silent"),
};

/** Settings of both workers. */
export const workerEnv = {
  ...connectionEnv,
  SUBTITLE_STORAGE_PATH: z.string().describe("the folder of finished subtitles, shared by all apps"),
  DOWNLOAD_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .default("http://localhost:3000")
    .describe("the address of the manager for clients, such as http://localhost:3000"),
  CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(2)
    .describe("the maximum number of jobs at the same time, 1 to 100"),
  SHUTDOWN_TIMEOUT: z.coerce
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(30)
    .describe("the number of seconds that running jobs have to finish when the app stops, 0 to 3600"),
};
