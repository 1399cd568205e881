// What the scripts here share: a Redis of their own, and what it says of itself.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

/** Runs `work` with a Redis that is there for it alone; it takes `redis-server`. */
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

/** A client that waits for the server to be up. */
export function connect(url, options = {}) {
  const redis = new Redis(url, { retryStrategy: () => 20, ...options });
  redis.on("error", () => {});
  return redis;
}

export async function usedMemory(redis) {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))[1]);
}

/** `count` calls, so many at a time; calls a second. */
export async function rate(work, { count = 10_000, concurrency = 64 } = {}) {
  const begun = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return (count / (performance.now() - begun)) * 1000;
}

export function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
