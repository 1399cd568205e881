import { z } from "zod";

/** What is wrong with the environment: one line per variable, its name and what it should be, never its value. */
export class EnvError extends Error {
  override readonly name = "EnvError";
}

/**
 * Reads variables by a schema, whose descriptions say what each should be. An empty variable counts as missing.
 * @throws EnvError
 */
export function parseEnv<S extends z.ZodRawShape>(shape: S, env: NodeJS.ProcessEnv = process.env) {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = z.object(shape).safeParse(given);
  if (parsed.success) return parsed.data;
  const names = new Set(parsed.error.issues.map((issue) => String(issue.path[0])));
  throw new EnvError([...names].map((name) => complaint(name, name in given, shape[name])).join("\n"));
}

/** As `parseEnv`, for a main file: a wrong environment ends the process with that message and nothing else. */
export function envOrExit<S extends z.ZodRawShape>(shape: S) {
  try {
    return parseEnv(shape);
  } catch (error) {
    return exitWith(error);
  }
}

/** Ends the process with the error's message: for what only whoever started it can mend. */
export function exitWith(error: unknown): never {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

function complaint(name: string, given: boolean, schema: z.core.$ZodType | undefined): string {
  const wanted = schema && z.globalRegistry.get(schema)?.description;
  return `${name} ${given ? "cannot be used" : "is missing"}${wanted ? `: it should be ${wanted}` : ""}`;
}

const seconds = z
  .string()
  .regex(/^\d{1,10}$/)
  .optional();
const ttl = (status: string) =>
  seconds.describe(`how many seconds ${status} jobs are kept, a whole number (0: for ever)`);

/** Where jobs and messages live. */
export const connectionEnv = {
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .describe("the address of the Redis that holds the jobs, such as redis://localhost:6379"),
  REDIS_KEY_PREFIX: z.string().default("").describe("put before every key, such as films:"),
  REDIS_JOB_TTL_COMPLETED: ttl("completed"),
  REDIS_JOB_TTL_FAILED: ttl("failed"),
  REDIS_JOB_TTL_ACTIVE: ttl("active"),
  RABBITMQ_URL: z
    .string()
    .transform((urls) => urls.split(","))
    .pipe(z.array(z.url({ protocol: /^amqps?$/ })))
    .describe("the address of RabbitMQ, such as amqp://localhost:5672, or several separated by commas"),
  RABBITMQ_PREFIX: z.string().default("").describe("put before every queue name, such as films."),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("one of trace, debug, info, warn, error, fatal, silent"),
};

/** What the workers share besides. */
export const workerEnv = {
  ...connectionEnv,
  SUBTITLE_STORAGE_PATH: z.string().describe("the folder that holds finished subtitles, shared by all apps"),
  DOWNLOAD_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .default("http://localhost:3000")
    .describe("the manager's address as clients see it, such as http://localhost:3000"),
  CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(2)
    .describe("how many jobs to work on at a time, 1 to 100"),
  SHUTDOWN_TIMEOUT: z.coerce
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(30)
    .describe("how many seconds work in hand may take to finish once the app must stop, 0 to 3600"),
};
