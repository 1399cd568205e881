import { Redis } from "ioredis";
import { type KeyStore, KeysUnavailableError } from "./request-memory.js";

const TIMEOUT_MS = 2000;

export interface RedisKeys extends KeyStore, AsyncDisposable {}

/** Keys that all managers share. `onError` is told of a connection that failed, without its address. */
export function redisKeys(options: {
  readonly url: string;
  readonly keyPrefix: string;
  readonly onError: (error: Error) => void;
}): RedisKeys {
  const redis = new Redis(options.url, {
    maxRetriesPerRequest: 1,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
  });
  redis.on("error", () => options.onError(new Error("request keys: the connection to Redis failed")));
  return {
    async claim(key, value, seconds) {
      const name = `${options.keyPrefix}requests:${key}`;
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
