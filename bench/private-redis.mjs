// Helpers of the scripts in this folder: a private Redis, and measurements of it.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

/** Runs `work` with the URL of a private Redis. Needs `redis-server`. */
export async function withRedis(port, work) {
  const folder = await mkdtemp(join(tmpdir(), "bench-"));
  const flags = ["--bind", "127.0.0.1", "--save", "", "--port", `${port}`, "--dir", folder];
  const server = spawn("redis-server", flags);
  const url = `redis://127.0.0.1:${port}`;
  try {
    await work(url);
  } finally {
    server.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Creates a client that connects as soon as the server is available. */
export function connect(url, options = {}) {
  const redis = new Redis(url, { retryStrategy: () => 20, ...options });
  redis.on("error", () => {});
  return redis;
}

export async function usedMemory(redis) {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))[1]);
}

/** Makes `count` calls, `concurrency` at a time. Returns the calls per second. */
export async function rate(work, { count = 10_000, concurrency = 64 } = {}) {
  const start = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return (count / (performance.now() - start)) * 1000;
}

export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
