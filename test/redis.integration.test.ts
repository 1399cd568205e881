import { existsSync } from "node:fs";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { isAlive } from "./processes.js";
import { PERSISTENT, type RedisOptions, startRedis } from "./servers/redis.js";
import { privateServer } from "./servers/require.js";

const redis = privateServer("redis");

describe.skipIf(!redis.available)(redis.title("startRedis"), () => {
  test("starts empty servers, apart from each other", async () => {
    const [one, other] = await Promise.all([start(), start()]);
    await withClient(one.url, {}, (client) => client.set("key", "one"));
    expect(await withClient(other.url, {}, (client) => client.dbsize())).toBe(0);
    expect(one.port).not.toBe(other.port);
  });

  test("kill ends it at once, and restart brings back what it had written", async () => {
    const server = await start({ args: PERSISTENT });
    const { pid, url } = server;
    await withClient(url, {}, (client) => client.set("key", "kept"));

    await server.kill();
    expect(isAlive(pid)).toBe(false);

    await server.restart();
    expect(server.url).toBe(url);
    expect(await withClient(url, {}, (client) => client.get("key"))).toBe("kept");
  });

  test("kill can hold it and let it go on", async () => {
    const server = await start();
    await withClient(server.url, { commandTimeout: 100 }, async (client) => {
      expect(await client.ping()).toBe("PONG");
      await server.kill("SIGSTOP");
      await expect(client.ping()).rejects.toThrow("timed out");
      await server.kill("SIGCONT");
      expect(await client.ping()).toBe("PONG");
    });
  });

  test("stop leaves neither process nor folder, and can be repeated", async () => {
    const server = await start();
    expect(existsSync(server.folder)).toBe(true);
    await server.stop();
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.folder)).toBe(false);
    await expect(server.restart()).rejects.toThrow("its data is gone");
  });

  test("says why it did not start, and leaves nothing", async () => {
    await expect(startRedis({ args: ["--no-such-option", "1"] })).rejects.toThrow("ended while starting");
  });
});

async function start(options?: RedisOptions) {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

async function withClient<T>(
  url: string,
  { commandTimeout }: { commandTimeout?: number },
  use: (client: Redis) => Promise<T>,
): Promise<T> {
  const client = new Redis(url, { ...(commandTimeout !== undefined && { commandTimeout }) });
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}
