import { findRedis } from "./binaries.js";
import { freePorts } from "./ports.js";
import { type PrivateServer, startPrivateServer } from "./private-server.js";

export interface RedisOptions {
  /**
   * Arguments for `redis-server`, for example `PERSISTENT`. They override the default ones.
   * @default [] (no persistence)
   */
  readonly args?: readonly string[];
  /** Program that runs `redis-server`, with its arguments, for example valgrind. @default [] */
  readonly under?: readonly string[];
}

/**
 * Arguments for a server that keeps its data when it is killed. It passes each write to the operating system before the reply. With
 * `appendfsync everysec`, a server can delay this by up to two seconds while the disk is slow.
 */
export const PERSISTENT = ["--appendonly", "yes", "--appendfsync", "no"] as const;

/** Starts a private Redis, which takes about 20 ms. */
export async function startRedis({ args = [], under = [] }: RedisOptions = {}): Promise<PrivateServer> {
  const redis = findRedis();
  if (redis === null) throw new Error("redis-server is not installed on this machine");
  const [command = redis, ...before] = [...under, redis];
  return startPrivateServer("redis", async (folder) => {
    const [port = 0] = await freePorts(1);
    return {
      command,
      args: [
        ...before,
        ...["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", "", "--appendonly", "no"],
        ...args,
      ],
      url: `redis://127.0.0.1:${port}`,
      port,
      greeting: "PING\r\n",
      // A server that requires a password replies with an error. A server that still loads its data replies with another one.
      isReady: (reply) => /^(\+PONG|-NOAUTH)/.test(reply.toString()),
      readyWithinMs: 60_000,
    };
  });
}

/** Returns the memory that a server uses, in MiB. */
export async function usedMemoryMb(client: { info(section: "memory"): Promise<string> }): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]) / 2 ** 20;
}
