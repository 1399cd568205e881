import { z } from "zod";
import { definition } from "./job.js";

/** Address of a server. Its error shows an example, and never the value, which can have a password. */
const address = (protocol: RegExp, example: string) =>
  z.url({ protocol, hostname: /./, error: `must be an address such as ${example}` }).optional();

/** Settings of the connections. Without both addresses, jobs and messages are in the memory of one process. */
export const connectionSettings = {
  REDIS_URL: address(/^rediss?$/, "redis://localhost:6379"),
  RABBITMQ_URL: address(/^amqps?$/, "amqp://localhost:5672"),
  /** Beginning of the names of all keys and queues. With different prefixes, several services can share the servers. */
  KEY_PREFIX: z
    .string()
    .regex(/^[\w-]+$/, "can only have letters, digits, hyphens and underscores")
    .default(definition.name),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  /** Folder of the finished files, which all apps share. */
  STORAGE_PATH: z.string().default("storage"),
};

/** Environment variables that are missing or invalid. The message has a line for each of them, without its value. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/**
 * Reads environment variables. An empty one counts as missing.
 * @throws SettingsError
 */
export function readSettings<S extends z.ZodRawShape>(shape: S, env: NodeJS.ProcessEnv = process.env) {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = z.object(shape).safeParse(given);
  if (parsed.success) return parsed.data;
  throw new SettingsError(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("\n"));
}
