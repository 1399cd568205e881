import { Redis } from "ioredis";
import type { PrivateServer } from "../../test/servers/private-server.js";
import { type Rabbitmq, startRabbitmq } from "../../test/servers/rabbitmq.js";
import { PERSISTENT, startRedis } from "../../test/servers/redis.js";
import type { Client } from "./fleet.js";
import { patiently } from "./patience.js";

/** What a run breaks: two servers of its own, and the processes that use them. */
export interface World {
  readonly redis: PrivateServer;
  readonly redisUrl: string;
  readonly broker: Rabbitmq;
  /** Straight to Redis, past all proxies; waits where the server is away. */
  readonly admin: Redis;
  readonly clients: readonly Client[];
}

/** Of both servers; must not stand in anything that is written. */
export const PASSWORD = "p4ssword-s3cret";

export async function startServers(): Promise<Omit<World, "clients"> & AsyncDisposable> {
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
    // By that, a server that a script keeps busy would never be ready to be told to stop it.
    enableReadyCheck: false,
  });
  admin.on("error", () => {
    // The faults are ours.
  });
  await patiently(() => admin.ping());
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
