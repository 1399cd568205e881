import { Redis } from "ioredis";
import type { PrivateServer } from "../../test/servers/private-server.js";
import { type Rabbitmq, startRabbitmq } from "../../test/servers/rabbitmq.js";
import { PERSISTENT, startRedis } from "../../test/servers/redis.js";
import { retry } from "./retry.js";

/** Private servers of a round. */
export interface Servers {
  readonly redis: PrivateServer;
  readonly redisUrl: string;
  readonly broker: Rabbitmq;
  /** Direct connection to Redis, without a proxy. Its commands wait while Redis is unavailable. */
  readonly admin: Redis;
}

/** Password of both servers. It must not occur in any output. */
export const PASSWORD = "p4ssword-s3cret";

export async function startServers(): Promise<Servers & AsyncDisposable> {
  const args = [...PERSISTENT, "--requirepass", PASSWORD, "--busy-reply-threshold", "50"];
  const [redis, broker] = await Promise.all([
    startRedis({ args }),
    startRabbitmq({ config: [`default_pass = ${PASSWORD}`] }),
  ]);
  const redisUrl = withPassword(redis.url);
  const admin = new Redis(redisUrl, {
    retryStrategy: () => 50,
    maxRetriesPerRequest: null,
    commandTimeout: 5_000,
    // The check fails while a script blocks the server, and SCRIPT KILL could then not be sent.
    enableReadyCheck: false,
  });
  admin.on("error", () => {
    // Connection errors are expected, because the round injects them.
  });
  await retry(() => admin.ping());
  return {
    redis,
    redisUrl,
    broker,
    admin,
    async [Symbol.asyncDispose]() {
      admin.disconnect();
      await Promise.all([redis.stop(), broker.stop()]);
    },
  };
}

export function withPassword(url: string): string {
  return Object.assign(new URL(url), { password: PASSWORD }).href;
}
