import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { describe } from "vitest";
import { removeKeys } from "../../../test/servers/leftovers.js";
import { server } from "../../../test/servers/require.js";
import { redisDriver } from "../src/redis.js";
import { testDriver } from "../src/testing.js";

const { url, prefix, title } = server("redis");

describe.skipIf(url === null)(title("Redis"), () => {
  testDriver("redis", async () => {
    const address = url as string;
    // This key has more bytes than characters.
    const keyPrefix = `${prefix}${randomUUID()}:séance:映画:🎬:`;
    const open = () => redisDriver({ url: address, keyPrefix, timeoutMs: 60_000 });
    return {
      driver: open(),
      again: open,
      corrupt: async (id) => {
        const redis = new Redis(address);
        await redis.set(`${keyPrefix}job:${id}`, '{"not":"a job"');
        redis.disconnect();
      },
      close: () => removeKeys(address, keyPrefix),
    };
  });
});
