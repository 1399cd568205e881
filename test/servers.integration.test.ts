import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { isAlive } from "./processes.js";
import { startRabbitmq } from "./servers/rabbitmq.js";
import { PERSISTENT, type RedisOptions, startRedis } from "./servers/redis.js";
import { privateServer } from "./servers/require.js";

const redis = privateServer("redis");
const rabbitmq = privateServer("rabbitmq");

describe.skipIf(!redis.available)(redis.title("startRedis"), () => {
  test("starts servers that are empty and independent", async () => {
    const [one, other] = await Promise.all([start(), start()]);
    await withClient(one.url, (client) => client.set("key", "one"));
    expect(await withClient(other.url, (client) => client.dbsize())).toBe(0);
    expect(one.port).not.toBe(other.port);
  });

  test("kill ends the server immediately, and restart starts it with the stored data", async () => {
    const server = await start({ args: PERSISTENT });
    const { pid, url } = server;
    await withClient(url, (client) => client.set("key", "kept"));

    await server.kill();
    expect(isAlive(pid)).toBe(false);

    await server.restart();
    expect(server.url).toBe(url);
    expect(await withClient(url, (client) => client.get("key"))).toBe("kept");
  });

  test("kill with SIGSTOP pauses the server, with SIGCONT the server continues", async () => {
    const server = await start();
    await withClient(server.url, async (client) => {
      expect(await client.ping()).toBe("PONG");
      await server.kill("SIGSTOP");
      client.options.commandTimeout = 100;
      await expect(client.ping()).rejects.toThrow("timed out");
      client.options.commandTimeout = 60_000;
      await server.kill("SIGCONT");
      expect(await client.ping()).toBe("PONG");
    });
  });

  test("stop ends the process and removes the folder, and can be repeated", async () => {
    const server = await start();
    expect(existsSync(server.folder)).toBe(true);
    await server.stop();
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.folder)).toBe(false);
    await expect(server.restart()).rejects.toThrow("its data was removed");
  });

  test("rejects with the reason if the server does not start", async () => {
    await expect(startRedis({ args: ["--no-such-option", "1"] })).rejects.toThrow("ended during its start");
  });
});

describe.skipIf(!rabbitmq.available)(rabbitmq.title("startRabbitmq"), () => {
  test("starts a server that can be killed, restarted on its port, and stopped without leftovers", async () => {
    const server = await startRabbitmq();
    onTestFinished(() => server.stop());
    const { pid, port, folder } = server;
    expect(await accepts(port)).toBe(true);

    await server.kill();
    expect(isAlive(pid)).toBe(false);
    expect(await accepts(port)).toBe(false);

    await server.restart();
    expect(server.port).toBe(port);
    expect(await accepts(port)).toBe(true);

    await server.stop();
    expect(await accepts(port)).toBe(false);
    expect(existsSync(folder)).toBe(false);
    // The port mapper of Erlang, and all other programs of the broker, have ended.
    await expect.poll(() => processesWith(folder)).toEqual([]);
  });
});

async function start(options?: RedisOptions) {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

async function withClient<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Returns the ids of processes whose environment contains a text. Only Linux shows it; other systems return none. */
async function processesWith(text: string): Promise<string[]> {
  if (!existsSync("/proc/self/environ")) return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) =>
      (await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")).includes(text) ? pid : "",
    ),
  );
  return found.filter((pid) => pid !== "");
}
