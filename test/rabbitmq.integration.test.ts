import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { isAlive } from "./processes.js";
import { startRabbitmq } from "./servers/rabbitmq.js";
import { privateServer } from "./servers/require.js";

const rabbitmq = privateServer("rabbitmq");

describe.skipIf(!rabbitmq.available)(rabbitmq.title("startRabbitmq"), () => {
  test("starts, is killed, starts again on its port, and stops without a trace", async () => {
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
    // Neither Erlang's port mapper nor any other program of the broker's.
    await expect.poll(() => programsThatName(folder)).toEqual([]);
  });
});

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Programs with this text in their environment, other than this one; on systems that show it (Linux). */
async function programsThatName(text: string): Promise<string[]> {
  if (!existsSync("/proc/self/environ")) return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const named = await Promise.all(
    pids.map(async (pid) =>
      (await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")).includes(text) ? pid : "",
    ),
  );
  return named.filter((pid) => pid !== "");
}
