import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { isAlive } from "./processes.js";
import { privateServer } from "./servers/require.js";

const redis = privateServer("redis");
const vitest = fileURLToPath(new URL("vitest.mjs", import.meta.resolve("vitest/package.json")));

describe.skipIf(!redis.available)(redis.title("A test run that is ended early leaves nothing behind"), () => {
  test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)("by %s", async (signal) => {
    const run = spawn(process.execPath, [vitest, "run"], {
      cwd: fileURLToPath(new URL("fixtures/abandoned", import.meta.url)),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { pid, folder } = await startedServer(run.stdout);
    expect(isAlive(pid)).toBe(true);
    expect(existsSync(folder)).toBe(true);

    run.kill(signal);
    await once(run, "exit");

    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false);
  });
});

async function startedServer(output: NodeJS.ReadableStream): Promise<{ pid: number; folder: string }> {
  for await (const line of createInterface(output)) {
    const [, json] = /STARTED (.*)/.exec(line) ?? [];
    if (json !== undefined) return JSON.parse(json);
  }
  throw new Error("the run ended before it had started a server");
}
