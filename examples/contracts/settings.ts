import { z } from "zod";
import { definition } from "./job.js";

const address = (protocol: RegExp, example: string) =>
  z.url({ protocol, hostname: /./ }).optional().describe(`an address such as ${example}`);

/** Settings of the connections. Without both addresses, jobs and messages are in the memory of one process. */
export const connectionSettings = {
  REDIS_URL: address(/^rediss?$/, "redis://localhost:6379"),
  RABBITMQ_URL: address(/^amqps?$/, "amqp://localhost:5672"),
  /** Beginning of the names of all keys and queues. With different prefixes, several services can share the servers. */
  KEY_PREFIX: z
    .string()
    .regex(/^[\w-]+$/)
    .default(definition.name)
    .describe("a name of letters, digits, hyphens and underscores"),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("trace, debug, info, warn, error or silent"),
  /** Folder of the finished files, which all apps share. */
  STORAGE_PATH: z.string().default("storage"),
};

/** Environment variables are missing or invalid. The message has a line for each of them, without its value. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/**
 * Reads environment variables. An empty one counts as missing. The description of a setting in `shape` completes the sentence
 * "It must be …" of its error.
 *
 * @throws SettingsError
 */
export function readSettings<S extends z.ZodRawShape>(shape: S, env: NodeJS.ProcessEnv = process.env) {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = z.object(shape).safeParse(given);
  if (parsed.success) return parsed.data;
  const names = new Set(parsed.error.issues.map(({ path }) => String(path[0])));
  const lines = Array.from(names, (name) => {
    const schema = shape[name];
    const description = schema && z.globalRegistry.get(schema)?.description;
    return `${name} is ${name in given ? "invalid" : "missing"}.${description ? ` It must be ${description}.` : ""}`;
  });
  throw new SettingsError(lines.join("\n"));
}
