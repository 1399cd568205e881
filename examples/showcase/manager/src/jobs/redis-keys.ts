import type { Log } from "@showcase/contracts";
import { Redis } from "ioredis";
import type { z } from "zod";
import type { managerEnv } from "../env.js";
import { type KeyStore, KeysUnavailableError } from "./request-memory.js";

const TIMEOUT_MS = 2000;
const LONGEST_RECONNECT_MS = 500;

export interface RedisKeys extends KeyStore, AsyncDisposable {}

/**
 * Opens the keys that all managers share, in the same Redis as the jobs. Returns immediately. Calls fail while Redis is
 * unavailable.
 */
export function openRequestKeys(env: z.output<z.ZodObject<typeof managerEnv>>, log: Log): RedisKeys {
  const redis = new Redis(env.REDIS_URL, {
    maxRetriesPerRequest: 1,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    // Ends a connection that has died silently. Otherwise, it would be used until the operating system closes it.
    socketTimeout: TIMEOUT_MS,
    retryStrategy: (times) => Math.min(times * 50, LONGEST_RECONNECT_MS),
  });
  // Does not log the error, which can contain the address with the password.
  redis.on("error", () => log.warn("request keys: the connection to Redis failed"));
  return {
    async claim(key, value, seconds) {
      const name = `${env.REDIS_KEY_PREFIX}requests:${key}`;
      try {
        const stored = await redis.set(name, value, "EX", seconds, "NX");
        return stored === null ? await redis.get(name) : null;
      } catch {
        // Does not pass on the client's error, which contains the address and the arguments.
        throw new KeysUnavailableError();
      }
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}
