import { findRedis } from "./binaries.js";
import { freePorts } from "./ports.js";
import { type PrivateServer, startPrivateServer } from "./private-server.js";

export interface RedisOptions {
  /**
   * More arguments for `redis-server`, for example `PERSISTENT`; they overrule ours.
   * @default [] (nothing is written to disk)
   */
  readonly args?: readonly string[];
  /** A program that runs `redis-server`, with its arguments, for example valgrind. @default [] */
  readonly under?: readonly string[];
}

/**
 * For a server that is to be killed and to have its data then. What it acknowledges it has written, to the operating system;
 * with everysec it may put that off, by up to two seconds, while the disk is slow.
 */
export const PERSISTENT = ["--appendonly", "yes", "--appendfsync", "no"] as const;

/** Starts a Redis of one's own (about 20 ms). */
export async function startRedis({ args = [], under = [] }: RedisOptions = {}): Promise<PrivateServer> {
  const redis = findRedis();
  if (redis === null) throw new Error("redis-server is not installed here");
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
      // A server that asks for a password first is up, too; one that still loads its data is not.
      isReady: (answer) => /^(\+PONG|-NOAUTH)/.test(answer.toString()),
      readyWithinMs: 60_000,
    };
  });
}
