import type { Log } from "@showcase/contracts";
import { Redis } from "ioredis";
import type { z } from "zod";
import type { managerEnv } from "../env.js";
import { type KeyStore, KeysUnavailableError } from "./request-memory.js";

const TIMEOUT_MS = 2000;
const LONGEST_RECONNECT_MS = 500;

export interface RedisKeys extends KeyStore, AsyncDisposable {}

/** Keys that all managers share, in the same Redis as the jobs. Returns at once; calls fail while Redis is away. */
export function openRequestKeys(env: z.output<z.ZodObject<typeof managerEnv>>, log: Log): RedisKeys {
  const redis = new Redis(env.REDIS_URL, {
    maxRetriesPerRequest: 1,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    // A connection that died without a word would otherwise be used until the system gives it up.
    socketTimeout: TIMEOUT_MS,
    retryStrategy: (times) => Math.min(times * 50, LONGEST_RECONNECT_MS),
  });
  // Not the error itself: it may hold the address with its password.
  redis.on("error", () => log.warn("request keys: the connection to Redis failed"));
  return {
    async claim(key, value, seconds) {
      const name = `${env.REDIS_KEY_PREFIX}requests:${key}`;
      try {
        const stored = await redis.set(name, value, "EX", seconds, "NX");
        return stored === null ? await redis.get(name) : null;
      } catch {
        // Not the client's error: it carries the address and what was sent.
        throw new KeysUnavailableError();
      }
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}
